import { HELPER_ANSWER } from '@berth/native/watchdog.ts';
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
import type { Life } from './life.ts';

const SIGKILL = 9;
const SIGTERM = 15;
const SIGCONT = 18;
const DEFAULT_STOP_SECONDS = 10;
/** How long the signal of a stop may take to be sent, in milliseconds. */
const SIGNAL_PATIENCE = 2000;
/** How long a killed process may take to be gone, in milliseconds: until another way is tried, and at most. */
const KILL_GRACE = 500;
const KILL_PATIENCE = 10_000;

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

/** POST /containers/{id}/restart. One that was started meanwhile is as good as restarted. @throws in dockerd's words */
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
    if (isKind(error, 'not-modified')) return;
    throw inWords(error, `Cannot restart container ${reference}`);
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
    await life.apply(container, { type: 'stop-asked', restart });
    // Gone already, or to be killed below.
    await within(
      send(context, container, signal).catch(() => undefined),
      SIGNAL_PATIENCE,
    );
    await thawToDie(life, container);
    // If no time is given dockerd kills without a look at whether the first signal was enough, and emits both.
    if (seconds === 0 || !(await within(ended, seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000)))
      await killAndWait(context, container, ended);
  } catch (error) {
    container.stopping = Math.max(0, container.stopping - 1);
    throw error;
  }
  return true;
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

async function send(context: Context, container: Container, signal: number): Promise<void> {
  const { supervisor } = container;
  if (!supervisor) throw conflict(`container ${container.id} is not running`);
  await supervisor.kill(signal);
  context.emit(container, 'kill', { signal: String(signal) });
}

/** A frozen process does not act on a signal. */
async function thawToDie(life: Life, container: Container): Promise<void> {
  if (container.state.status !== 'paused') return;
  await container
    .queue(() => life.apply(container, { type: 'unpause' }))
    .catch((error) => log.debug({ container: container.id, err: error }, 'could not unpause to stop'));
  await container.supervisor?.kill(SIGCONT).catch(() => undefined);
}

/**
 * Lets a paused container that was killed die. It is thawed in the kernel alone and stays paused until its end, as with
 * dockerd, which emits no `unpause` then.
 */
async function thawKilled(context: Context, container: Container): Promise<void> {
  await container.queue(async () => {
    if (container.state.status === 'paused') await context.rooms.runtime.unpause(container.id);
  });
}

/**
 * Kills and waits for the end, `ended`, at most some 20 seconds, whatever holds it up: a freezer that nobody recorded, a
 * supervisor that does not answer. @throws system when the kernel holds on to the process
 */
export async function killAndWait(
  context: Context,
  container: Container,
  ended: Promise<unknown>,
): Promise<void> {
  const { supervisor } = container;
  const { runtime } = context.rooms;
  const warn = (error: unknown) =>
    log.debug({ container: container.id, err: error }, 'a step to kill a container failed');
  // However it comes about: a kill that is acknowledged has its event.
  let told = false;
  const tell = () => {
    if (!told) context.emit(container, 'kill', { signal: String(SIGKILL) });
    told = true;
  };
  // Not waited for alone: the supervisor, or what passes this on to it, may be stopped.
  let answers = false;
  const asked = Promise.resolve(supervisor?.kill(SIGKILL))
    .then(() => {
      answers = supervisor !== undefined;
      tell();
    }, warn)
    .then(() => thawKilled(context, container));
  void asked.catch(warn);
  const gone = await within(ended, KILL_GRACE);
  tell();
  if (gone) return;
  for (const deadline = Date.now() + HELPER_ANSWER; Date.now() < deadline; ) {
    // By way of the cgroup, without the supervisor. A pause that was under way may have come after the signal.
    await within(runtime.killAll(container.id).catch(warn), KILL_GRACE);
    if (await within(ended, KILL_GRACE)) return;
  }
  if (!answers) supervisor?.end();
  if (await within(ended, KILL_PATIENCE)) return;
  await runtime.removeCgroup(container.id).catch(warn);
  if (!(await within(ended, KILL_GRACE)))
    throw systemError(
      `cannot kill container: ${container.id}: tried to kill container, but did not receive an exit event`,
    );
}

/** True when `promise` settles in time. */
async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  if (milliseconds === Number.POSITIVE_INFINITY) {
    await promise;
    return true;
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.min(milliseconds, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
