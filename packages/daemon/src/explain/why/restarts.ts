import { nowNanos, parseRfc3339 } from '../../base/time.ts';
import { STEADY_SECONDS } from '../../containers/index.ts';
import { meaningOf, signalOf } from './exit-codes.ts';
import type { Inquiry } from './inquiry.ts';

const STEADY_NANOS = BigInt(STEADY_SECONDS) * 1_000_000_000n;

/** How often its restart policy had it started again, and since when, in words that become evidence; undefined for never. */
export function restarts(inquiry: Inquiry): string | undefined {
  const { record, state } = inquiry.container;
  inquiry.looked('its restarts');
  if (state.restartCount === 0) return undefined;
  const { Name, MaximumRetryCount } = record.hostConfig.RestartPolicy;
  const limit = Name === 'on-failure' && MaximumRetryCount > 0 ? ` of at most ${MaximumRetryCount}` : '';
  const since = state.restartsSince ? ` since ${state.restartsSince}` : '';
  const wait = state.status === 'restarting' ? `; the last wait is ${state.backoff / 1000} s` : '';
  const found = `${state.restartCount}${limit} by its policy ${Name}${since}`;
  inquiry.saw('its restarts', found + wait);
  return found;
}

/**
 * One that runs between two ends; false for one that has run for long, unless its end is asked for by name. What it ended
 * with before is told by its events, as its state is that of the new run.
 */
export function whyRestarted(inquiry: Inquiry, found: string): boolean {
  const { record, state } = inquiry.container;
  const steady = nowNanos() - (parseRfc3339(state.startedAt) ?? 0n) > STEADY_NANOS;
  if (steady && !inquiry.explicit) {
    inquiry.forget();
    return false;
  }
  inquiry.looked('events');
  const end = inquiry.rooms.events
    .history()
    .findLast(({ Action, Actor }) => Actor.ID === record.id && Action === 'die');
  const code = Number(end?.Actor.Attributes['exitCode']);
  if (end) inquiry.saw('events', `die with exit code ${code}`);
  const last = end ? ` Its last run ended with exit code ${code}: ${signalOf(code) ?? meaningOf(code)}.` : '';
  inquiry.answer(
    'restarted',
    `It runs since ${state.startedAt}, after earlier runs that ended; restarts: ${found}.${last}`,
    'Its log keeps what the earlier runs wrote: `berth logs`. So that it stays down after the next end: `berth update --restart no`.',
    { sure: !steady },
  );
  return true;
}
