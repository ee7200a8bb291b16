import { HELPER_ANSWER } from '@berth/native/watchdog.ts';
import { conflict, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { Life } from './life.ts';

export const SIGKILL = 9;
const SIGCONT = 18;
/** How long a killed process may take to be gone, in milliseconds: until another way is tried, and at most. */
const KILL_GRACE = 500;
const KILL_PATIENCE = 10_000;

/** Sends a signal to its first process, and tells of it. @throws conflict when it does not run */
export async function send(context: Context, container: Container, signal: number): Promise<void> {
  const { supervisor } = container;
  if (!supervisor) throw conflict(`container ${container.id} is not running`);
  await supervisor.kill(signal);
  context.emit(container, 'kill', { signal: String(signal) });
}

/** A frozen process does not act on a signal. */
export async function thawToDie(life: Life, container: Container): Promise<void> {
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
export async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
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
