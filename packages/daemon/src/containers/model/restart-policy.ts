import type { LifeContext, Transition } from './life-types.ts';
import type { LifeState, RestartPolicy } from './types.ts';

/** The delays between restarts, in milliseconds: each is twice the one before it, as dockerd's. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
/** A run this long sets the delay back: it is none of a loop. */
export const STEADY_SECONDS = 10;

/** The restart policy's answer to an end at `at`: the state that waits, or undefined to stay down. */
export function restartAfterEnd(
  state: LifeState,
  exitCode: number,
  { seconds, at }: { seconds: number; at: string },
  context: LifeContext,
): Transition | undefined {
  if (state.manuallyStopped || !policyWants(state, exitCode, context.restartPolicy)) return undefined;
  const last = seconds >= STEADY_SECONDS ? 0 : state.backoff;
  const delay = last === 0 ? FIRST_DELAY : Math.min(last * 2, LONGEST_DELAY);
  return {
    state: {
      ...state,
      status: 'restarting',
      backoff: delay,
      restartCount: state.restartCount + 1,
      ...(state.restartCount === 0 && { restartsSince: at }),
    },
    effects: [{ do: 'restart-later', delay }],
  };
}

/** Whether the policy has a container run again that ended with `exitCode`. */
export function policyWants(state: LifeState, exitCode: number, policy: RestartPolicy): boolean {
  switch (policy.Name) {
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return (
        exitCode !== 0 && (policy.MaximumRetryCount === 0 || state.restartCount < policy.MaximumRetryCount)
      );
    default:
      return false;
  }
}
