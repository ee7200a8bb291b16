import { setTimeout as sleep } from 'node:timers/promises';
import { tarOf } from '../../support/tar.ts';
import { type Follower, PATIENCE } from '../connection.ts';
import type { Box } from '../model.ts';
import type { User } from '../user.ts';

/* Operations on a container that is there: execs, its streams, its files. */

const running = (user: User, ...kinds: Box['program']['kind'][]) =>
  user.random.any(user.boxes('running').filter(({ program }) => kinds.includes(program.kind)));

/** Runs a command to its end; its output and its exit code are what it wrote and gave. */
export async function execAttached(user: User): Promise<void> {
  const box = running(user, 'counter', 'idle');
  if (!box) return;
  const lines = user.random.pick([0, 3, 2000]);
  const code = user.random.pick([0, 3]);
  const made = await user.call('POST', `/containers/${box.id}/exec`, {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: ['sh', '-c', `seq ${lines}; exit ${code}`],
  });
  if (made.status !== 201) return;
  const path = `/exec/${made.json.Id}`;
  const from = performance.now();
  const follower = await user.follow(
    'POST',
    `${path}/start`,
    { Detach: false },
    { hijack: user.random.chance(0.5) },
  );
  if (!(await overInTime(user, follower, `exec ${made.json.Id} of ${box.id}`))) return;
  await checkExec(user, box, made.json.Id, { follower, from, code, lines });
}

/** Whether a program's output came to its end; one that does not is broken. */
async function overInTime(user: User, follower: Follower, what: string): Promise<boolean> {
  const late = new AbortController();
  const over = await Promise.race([
    follower.over.then(() => true),
    sleep(PATIENCE, false, { signal: late.signal }),
  ]).finally(() => late.abort());
  if (!over) user.broken(`${what} does not end`);
  return over;
}

/** The outcome of an exec of `seq LINES; exit CODE`. */
async function checkExec(
  user: User,
  box: Box,
  id: string,
  { follower, from, code, lines }: { follower: Follower; from: number; code: number; lines: number },
): Promise<void> {
  const path = `/exec/${id}`;
  if (follower.status >= 400 || !follower.ended || !box.is('running')) return;
  const { status, json } = await user.call('GET', `${path}/json`);
  if (status !== 200 || !box.is('running')) return; // it has ended meanwhile
  // It could not be begun, as its output says.
  if ([126, 127, 128].includes(json.ExitCode) && user.stage.troubled(from, performance.now())) return;
  if (json.ExitCode !== code || json.Running)
    user.broken(`exec ${id} of ${box.id} ended with ${json.ExitCode}, running ${json.Running}, not ${code}`);
  else if (follower.text !== Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join(''))
    user.broken(`exec ${id} of ${box.id}: ${follower.text.length} bytes of seq ${lines}`);
}

/** Pauses a container while an exec is on its way into it: when it goes on, the exec does, or has done so before. */
export async function execAndPause(user: User): Promise<void> {
  const box = running(user, 'counter', 'idle');
  if (!box) return;
  const [lines, code] = [user.random.pick([0, 500]), user.random.pick([0, 3])];
  const made = await user.call('POST', `/containers/${box.id}/exec`, {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: ['sh', '-c', `seq ${lines}; exit ${code}`],
  });
  if (made.status !== 201) return;
  const from = performance.now();
  const start = user.follow('POST', `/exec/${made.json.Id}/start`, { Detach: false });
  const begun = start.catch((error: Error) => error);
  await sleep(user.random.between(0, 12));
  const paused = await user.change(box, ['paused'], () => user.call('POST', `/containers/${box.id}/pause`));
  if (paused.status === 204)
    await user.change(box, ['running'], () => user.call('POST', `/containers/${box.id}/unpause`));
  const follower = await begun;
  if (follower instanceof Error) throw follower;
  // One that is still frozen after all will not end.
  if (!box.is('running')) return follower.close();
  if (!(await overInTime(user, follower, `exec ${made.json.Id} of ${box.id}`))) return;
  await checkExec(user, box, made.json.Id, { follower, from, code, lines });
}

export async function execDetached(user: User): Promise<void> {
  const box = running(user, 'counter', 'idle');
  if (!box) return;
  const made = await user.call('POST', `/containers/${box.id}/exec`, {
    Cmd: ['sh', '-c', 'sleep 0.1; exit 9'],
  });
  if (made.status === 201) await user.call('POST', `/exec/${made.json.Id}/start`, { Detach: true });
}

/** The client goes in the middle of an exec. */
export async function execAborted(user: User): Promise<void> {
  const box = running(user, 'counter', 'idle');
  if (!box) return;
  const made = await user.call('POST', `/containers/${box.id}/exec`, {
    AttachStdin: true,
    AttachStdout: true,
    Cmd: ['cat'],
  });
  if (made.status !== 201) return;
  const follower = await user.follow('POST', `/exec/${made.json.Id}/start`, {}, { hijack: true });
  if (follower.status === 101) follower.write('hello\n');
  follower.close();
}

export async function followLogs(user: User): Promise<void> {
  const box = user.random.any(user.boxes('running', 'exited', 'paused'));
  if (!box || box.program.kind === 'idle') return;
  const path = `/containers/${box.id}/logs?stdout=1&follow=1`;
  const follower = await user.follow('GET', path);
  if (follower.status === 200) user.followed.push({ box, follower, what: 'logs -f', whole: true });
}

export async function attach(user: User): Promise<void> {
  const box = running(user, 'counter');
  if (!box) return;
  const whole = user.random.chance(0.5);
  const path = `/containers/${box.id}/attach?stdout=1&stream=1${whole ? '&logs=1' : ''}`;
  const follower = await user.follow('POST', path, undefined, { hijack: user.random.chance(0.7) });
  if (follower.status >= 400) return;
  if (user.random.chance(0.3)) return follower.close();
  user.followed.push({ box, follower, what: `attach${whole ? ' with logs' : ''}`, whole });
}

/** Puts a file into a container and reads it again. */
export async function copy(user: User): Promise<void> {
  const box = user.random.any(user.boxes('created', 'running', 'exited'));
  if (!box) return;
  const content = user.random.bytes(user.random.pick([0, 100, 50_000]));
  const put = await user.call('PUT', `/containers/${box.id}/archive?path=/tmp`, tarOf({ copied: content }));
  if (put.status !== 200) return;
  const got = await user.call('GET', `/containers/${box.id}/archive?path=/tmp/copied`);
  if (got.status === 200 && !got.body.includes(content))
    user.broken(`a file of ${content.length} bytes copied into ${box.id} was read as something else`);
}

/** Requests that only read, and must always be answered. */
export async function look(user: User): Promise<void> {
  const box = user.random.any(user.boxes('created', 'running', 'exited', 'paused'));
  const of = (what: string) => (box ? [`/containers/${box.id}/${what}`] : []);
  const path = user.random.pick([
    '/containers/json?all=1&size=1',
    '/images/json',
    '/networks',
    '/volumes',
    '/system/df',
    '/info',
    ...of('json?size=1'),
    ...of('changes'),
    ...of('logs?stdout=1&tail=3'),
    ...of('stats?stream=0&one-shot=1'),
    ...(box?.is('running') ? of('top') : []),
  ]);
  const { status, text } = await user.call('GET', path);
  const gone = box?.program.kind === 'short' && [404, 409].includes(status);
  if (status !== 200 && status < 500 && !gone && !box?.struck && !box?.may.has('gone'))
    user.broken(`GET ${path}: ${status} ${text.slice(0, 200)}`);
}
