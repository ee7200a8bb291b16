import {
  BerthError,
  conflict,
  invalidParameter,
  isKind,
  notModified,
  systemError,
} from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { isKnownSignal, parseSignal } from '../../base/signals.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { StopSignal } from '../model/types.ts';
import { killAndWait, SIGKILL, send, thawToDie, within } from './kill.ts';
import type { Life } from './life.ts';

const SIGTERM = 15;
const DEFAULT_STOP_SECONDS = 10;
/** How long the signal of a stop may take to be sent, in milliseconds. */
const SIGNAL_PATIENCE = 2000;

/** How a stop is asked for: seconds until it is killed (negative: never), and the signal. The container's own settings by default. */
interface StopOptions {
  timeout?: number;
  signal?: string;
}

/** POST /containers/{id}/stop. @throws not-modified when it does not run; the rest in dockerd's words */
export async function askStop(
  context: Context,
  life: Life,
  reference: string,
  options: StopOptions,
): Promise<void> {
  const container = context.registry.lookup(reference);
  let stopped: boolean;
  try {
    stopped = await stopContainer(context, life, container, options);
  } catch (error) {
    const text = `cannot stop container: ${reference}: ${(error as Error).message}`;
    throw isKind(error, 'invalid-parameter') ? invalidParameter(text, error) : systemError(text, error);
  }
  if (!stopped) throw notModified();
  await context.rooms.store.flushOrLater();
}

/**
 * POST /containers/{id}/restart. One that was started meanwhile is as good as restarted, and dockerd emits the event for it too.
 * @throws in dockerd's words
 */
export async function askRestart(
  context: Context,
  life: Life,
  reference: string,
  options: StopOptions,
): Promise<void> {
  const container = context.registry.lookup(reference);
  try {
    await restartContainer(context, life, container, options);
  } catch (error) {
    if (!isKind(error, 'not-modified')) throw inWords(error, `Cannot restart container ${reference}`);
  }
  context.emit(container, 'restart');
}

/** POST /containers/{id}/kill. @throws in dockerd's words, not-found among them */
export async function askKill(
  context: Context,
  life: Life,
  reference: string,
  signal: string | undefined,
): Promise<void> {
  try {
    // Before the container is looked for, as dockerd does: a wrong signal is told of whatever it is for.
    const number = parseSignal(signal || 'KILL');
    if (!isKnownSignal(number)) throw invalidParameter(`the linux daemon does not support signal ${number}`);
    await killContainer(context, life, context.registry.lookup(reference), number);
    await context.rooms.store.flushOrLater();
  } catch (error) {
    throw inWords(error, `cannot kill container: ${reference}`);
  }
}

/** An error with `what` failed in front of its text. */
function inWords(error: unknown, what: string): unknown {
  if (!(error instanceof BerthError)) return error;
  return new BerthError(error.kind, `${what}: ${error.message}`, { cause: error });
}

/**
 * Stops by signal, then by force. `timeout` in seconds, negative: for ever.
 * @returns false when it did not run.
 */
async function stopContainer(
  context: Context,
  life: Life,
  container: Container,
  options: StopOptions & { restart?: boolean },
): Promise<boolean> {
  const restarting = container.state.status === 'restarting';
  if (!restarting && !container.alive) return false;
  const { config } = container.record;
  const { restart = false } = options;
  const named = options.signal || config.StopSignal;
  const signal = named ? parseSignal(named) : SIGTERM;
  if (restarting) {
    await life.apply(container, { type: 'stop-asked', restart });
    context.emit(container, 'stop');
    return true;
  }
  const seconds = options.timeout ?? config.StopTimeout ?? DEFAULT_STOP_SECONDS;
  const ended = container.wait('next-exit');
  container.stopping++;
  try {
    await life.apply(container, { type: 'stop-asked', restart, next: { signal, seconds } });
    const killAt = await sendStop(context, life, container, { signal, seconds });
    await endByDeadline(context, life, container, ended, killAt);
  } catch (error) {
    container.stopping = Math.max(0, container.stopping - 1);
    throw error;
  }
  return true;
}

/** Milliseconds since the machine booted, on the clock that timers go by: the same for every daemon until the next boot. */
function monotonic(): number {
  return Math.ceil(Number(process.hrtime.bigint()) / 1e6);
}

/** Sends the signal of a stop and records that. Returns the deadline that it leaves, on the monotonic clock. */
async function sendStop(
  context: Context,
  life: Life,
  container: Container,
  { signal, seconds }: StopSignal,
): Promise<number> {
  const deadline = () => (seconds < 0 ? Number.POSITIVE_INFINITY : monotonic() + seconds * 1000);
  const record = () => {
    const killAt = deadline();
    return life.apply(container, { type: 'stop-sent', signal, ...(Number.isFinite(killAt) && { killAt }) });
  };
  // Gone already, or to be killed at the deadline.
  await within(
    send(context, container, signal)
      .then(record)
      .catch(() => undefined),
    SIGNAL_PATIENCE,
  );
  return deadline();
}

/** Kills it at the deadline, unless it has ended by then: `ended`. */
async function endByDeadline(
  context: Context,
  life: Life,
  container: Container,
  ended: Promise<unknown>,
  killAt: number,
): Promise<void> {
  await thawToDie(life, container);
  const left = killAt - monotonic();
  // If no time is given dockerd kills without a look at whether the first signal was enough, and emits both.
  if (left <= 0 || !(await within(ended, left))) await killAndWait(context, container, ended);
}

/**
 * Goes on with a stop or a restart that an earlier daemon did not come to the end of. A signal that is not known to be sent
 * is sent (again), and the container has its whole time from there. Returns at once.
 */
export function resumeStop(context: Context, life: Life, container: Container): void {
  const { stop } = container.state;
  if (!container.alive || !stop) return;
  const { next, killAt = Number.POSITIVE_INFINITY } = stop;
  const ended = container.wait('next-exit');
  container.stopping++;
  const finish = async () => {
    const later = next ? await sendStop(context, life, container, next) : killAt;
    await endByDeadline(context, life, container, ended, Math.min(killAt, later));
    if (container.state.restarting) await life.start(container);
  };
  void finish().catch(async (error) => {
    container.stopping = Math.max(0, container.stopping - 1);
    log.error(
      { container: container.id, err: error },
      'could not finish a stop that an earlier daemon began',
    );
    if (container.state.restarting) await life.apply(container, { type: 'restart-failed' });
  });
}

/** Stops it, if it runs, and starts it again; meanwhile it does not go by itself. */
async function restartContainer(
  context: Context,
  life: Life,
  container: Container,
  options: StopOptions,
): Promise<void> {
  try {
    await stopContainer(context, life, container, { ...options, restart: true });
    await life.start(container);
  } finally {
    if (container.state.restarting) await life.apply(container, { type: 'restart-failed' });
  }
}

/** Sends a signal as `docker kill` does; SIGKILL waits for the end. @throws conflict when it does not run */
async function killContainer(
  context: Context,
  life: Life,
  container: Container,
  signal: number,
): Promise<void> {
  if (container.state.status === 'restarting') {
    await life.apply(container, { type: 'stop-asked' });
    return;
  }
  if (!container.alive) throw conflict(`container ${container.id} is not running`);
  const { StopSignal } = container.record.config;
  // A signal other than the one that stops leaves the restart policy in force, where the container names that one.
  const final = signal === SIGKILL || !StopSignal || parseSignal(StopSignal) === signal;
  if (final) await life.apply(container, { type: 'stop-asked' });
  if (signal !== SIGKILL) {
    await send(context, container, signal);
    if (final) await thawToDie(life, container);
    return;
  }
  const ended = container.wait('next-exit');
  await killAndWait(context, container, ended);
}
