import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { LaunchError, type Launcher, type LaunchRecord, type StartOptions, type Supervisor } from './api.ts';
import { nativeProgram } from './index.ts';
import { openLauncher } from './launcher.ts';

const SIGTERM = 15;
const SIGKILL = 9;
const OUTPUT = { stdin: false, stdout: true, stderr: true };

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'berth-launcher-')));
const root = join(folder, 'root');
let launcher: Launcher;

beforeAll(() => {
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'bin/plain'), 'not a program', { mode: 0o644 });
  launcher = openLauncher({ program: nativeProgram });
});

afterAll(async () => {
  // Processes that a failed test left, also of containers that another process started.
  const runs = join(folder, 'run');
  for (const id of readdirSync(runs)) {
    const supervisor = await launcher.reconnect(id, join(runs, id));
    await supervisor?.kill(SIGKILL).catch(() => undefined);
    await supervisor?.exited.catch(() => undefined);
    supervisor?.release();
  }
  launcher.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A container of busybox's applets without a network, cgroups or limits. */
function options(args: string[], more: Partial<StartOptions> = {}): StartOptions {
  const id = randomBytes(32).toString('hex');
  const own = join(folder, id.slice(0, 12));
  for (const name of ['upper', 'work']) mkdirSync(join(own, name), { recursive: true });
  const namespaces = ['mnt', 'pid', 'net', 'ipc', 'uts'];
  return {
    id,
    runFolder: join(folder, 'run', id),
    launch: [
      ['id', id],
      ...namespaces.map((kind): LaunchRecord => ['namespace', kind]),
      ['lower', 'folder', root],
      ['overlay', join(own, 'upper'), join(own, 'work')],
      ['mount', 'proc', 'proc', '/proc'],
      ['mount', 'tmpfs', 'tmpfs', '/dev', 'mode=755'],
      ['mount', 'devpts', 'devpts', '/dev/pts', 'newinstance', 'ptmxmode=0666'],
      ['device', '/dev/null', 'c', '1', '3', '666', '0', '0'],
      ['hostname', 'inside'],
      ...process(args),
    ],
    log: { driver: 'json-file', path: join(own, 'log'), maxSize: 0, maxFile: 1, compress: false },
    openStdin: false,
    stdinOnce: false,
    tty: false,
    ...more,
  };
}

const process = (args: string[]): LaunchRecord[] => [
  ['caps', 'a80425fb', 'a80425fb', 'a80425fb', '0', '0'],
  ['user', ''],
  ['cwd', '/'],
  ['env', 'PATH=/bin'],
  ['arg', ...args],
];
const sh = (script: string) => ['busybox', 'sh', '-c', script];

async function finish(supervisor: Supervisor): Promise<number> {
  const { code } = await supervisor.exited;
  supervisor.release();
  return code;
}

async function text(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

async function until(stream: Duplex, wanted: string): Promise<string> {
  let seen = '';
  const take = (chunk: Buffer) => {
    seen += chunk.toString();
  };
  stream.on('data', take);
  while (!seen.includes(wanted)) await once(stream, 'data');
  stream.off('data', take);
  return seen;
}

async function eventually(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !holds(); await sleep(5))
    if (Date.now() > end) throw new Error('did not come true');
}

const entries = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { log: string; stream: string; time: string });

test('a container runs: streams framed as Docker does, a json-file log, an exit code, nothing left', async () => {
  const given = options(sh('busybox hostname; echo wrong >&2; exit 3'), { attach: [OUTPUT] });
  const supervisor = await launcher.start(given);
  const output = await text(supervisor.early[0]!);
  expect(output).toBe('\x01\0\0\0\0\0\0\x07inside\n\x02\0\0\0\0\0\0\x06wrong\n');
  const exit = await supervisor.exited;
  expect(exit).toMatchObject({ code: 3, oomKilled: false });
  expect(Math.abs(Number(BigInt(exit.finishedAt) / 1_000_000n) - Date.now())).toBeLessThan(5000);
  expect(entries(given.log.path)).toMatchObject([
    { log: 'inside\n', stream: 'stdout', time: expect.stringMatching(/^\d{4}-.*Z$/) },
    { log: 'wrong\n', stream: 'stderr' },
  ]);
  await finish(supervisor);
  await eventually(() => !existsSync(given.runFolder));
});

test('stdin of a client is the process’s; its end ends the process with stdinOnce', async () => {
  const given = options(['busybox', 'cat'], { openStdin: true, stdinOnce: true, tty: false });
  const supervisor = await launcher.start(given);
  const stream = await supervisor.attach({ stdin: true, stdout: true, stderr: true });
  stream.end('typed\n');
  expect(await text(stream)).toBe('\x01\0\0\0\0\0\0\x06typed\n');
  expect(await finish(supervisor)).toBe(0);
});

test('a signal ends it with 128 and its number', async () => {
  const supervisor = await launcher.start(
    options(sh('trap "exit 7" TERM; echo up; while :; do busybox sleep 0.01; done')),
  );
  const stream = await supervisor.attach(OUTPUT);
  await Promise.race([once(stream, 'data'), sleep(200)]);
  await supervisor.kill(SIGTERM);
  expect(await finish(supervisor)).toBe(7);
  await expect(supervisor.kill(SIGTERM)).rejects.toThrow(LaunchError);
  stream.destroy();

  const other = await launcher.start(options(['busybox', 'sleep', '100']));
  await other.kill(SIGKILL);
  expect(await finish(other)).toBe(137);
});

test('a terminal: raw output, a size that changes, keys that detach', async () => {
  const given = options(sh('while read -r line; do busybox stty size; done'), { tty: true, openStdin: true });
  const supervisor = await launcher.start(given);
  const stream = await supervisor.attach({
    stdin: true,
    stdout: true,
    stderr: true,
    detachKeys: Buffer.from([16, 17]),
  });
  await supervisor.resize(31, 97);
  stream.write('\n');
  expect(await until(stream, '31 97')).toContain('31 97\r\n');
  const events: string[] = [];
  stream.on('detach', () => events.push('detach')).on('end', () => events.push('end'));
  stream.resume();
  stream.write(Buffer.from([16, 17]));
  await once(stream, 'end');
  expect(events).toEqual(['detach', 'end']);
  stream.destroy();
  await supervisor.kill(SIGKILL);
  await finish(supervisor);
});

test('what can’t be run is told with errno: 2 not found, 13 not executable; nothing is left', async () => {
  for (const [name, errno] of [
    ['missing', 2],
    ['/bin/missing', 2],
    ['/bin/plain', 13],
    ['/bin', 21],
  ] as const) {
    const given = options([name]);
    await expect(launcher.start(given)).rejects.toMatchObject({ stage: 'exec', errno });
    expect(existsSync(given.runFolder)).toBe(false);
  }
  await expect(launcher.start(options(['a\0b']))).rejects.toMatchObject({ stage: 'launch', errno: 22 });
});

test('execs: output, exit code, stdin, a terminal, errors, none of the stdio', async () => {
  const supervisor = await launcher.start(options(['busybox', 'sleep', '100']));
  const run = (execId: string, args: string[], more = {}) =>
    supervisor.exec([['id', supervisor.id], ...process(args)], { ...OUTPUT, execId, tty: false, ...more });

  const first = await run('a', sh('busybox hostname; exit 5'));
  expect(await text(first.stream!)).toBe('\x01\0\0\0\0\0\0\x07inside\n');
  expect(await first.exited).toBe(5);

  const cat = await run('b', ['busybox', 'cat'], { stdin: true });
  cat.stream!.end('x');
  expect(await text(cat.stream!)).toBe('\x01\0\0\0\0\0\0\x01x');
  expect(await cat.exited).toBe(0);

  const sized = await supervisor.exec(
    [['id', supervisor.id], ['console-size', '11', '22'], ...process(['busybox', 'stty', 'size'])],
    { ...OUTPUT, execId: 's', tty: true },
  );
  expect(await text(sized.stream!)).toBe('11 22\r\n');

  const tty = await run('c', sh('read -r x; busybox stty size; busybox sleep 9'), { stdin: true, tty: true });
  await tty.resize(20, 70);
  tty.stream!.write('\n');
  await until(tty.stream!, '20 70');
  await tty.kill(SIGKILL);
  expect(await tty.exited).toBe(137);
  tty.stream!.destroy();

  const silent = await run('d', sh('exit 9'), { stdout: false, stderr: false });
  expect(silent.stream).toBeNull();
  expect(silent.pid).toBeGreaterThan(0);
  expect(await silent.exited).toBe(9);

  await expect(run('e', ['missing'])).rejects.toMatchObject({ stage: 'exec', errno: 2 });
  await expect(run('f', ['/bin/plain'], { stdout: false, stderr: false })).rejects.toMatchObject({
    errno: 13,
  });

  const last = await run('g', ['busybox', 'sleep', '100']);
  await supervisor.kill(SIGKILL);
  expect(await last.exited).toBe(137);
  await finish(supervisor);
});

/** Another process that starts containers, to be killed. */
async function daemon(given: StartOptions): Promise<ChildProcess> {
  const script = join(folder, 'daemon.mjs');
  const here = join(import.meta.dirname, 'launcher.ts');
  writeFileSync(
    script,
    `import { openLauncher } from ${JSON.stringify(here)};
     const launcher = openLauncher({ program: ${JSON.stringify(nativeProgram)} });
     const supervisor = await launcher.start(JSON.parse(process.argv[2]));
     console.log(supervisor.pid);
     setInterval(() => {}, 1000);`,
  );
  const child = spawn(globalThis.process.execPath, ['--no-warnings', script, JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return child;
}

test('a container goes on without its daemon, and the next one takes it over', async () => {
  const given = options(
    sh('i=0; while [ ! -e /stop ]; do i=$((i+1)); echo $i; busybox sleep 0.01; done; exit 4'),
  );
  const first = await daemon(given);
  const before = once(first, 'exit');
  first.kill('SIGKILL');
  await before;
  const lines = entries(given.log.path).length;
  await eventually(() => entries(given.log.path).length > lines + 5);

  const supervisor = (await launcher.reconnect(given.id, given.runFolder))!;
  expect(supervisor.pid).toBeGreaterThan(0);
  const exec = await supervisor.exec([['id', given.id], ...process(sh('echo in; : > /stop'))], {
    ...OUTPUT,
    execId: 'x',
    tty: false,
  });
  expect(await text(exec.stream!)).toContain('in\n');
  expect(await finish(supervisor)).toBe(4);
});

test('an exit that no daemon saw is on record', async () => {
  const given = options(sh('busybox sleep 0.2; exit 6'));
  const first = await daemon(given);
  first.kill('SIGKILL');
  await eventually(() => launcher.lastExit(given.runFolder) !== null);
  expect(launcher.lastExit(given.runFolder)).toMatchObject({ code: 6, oomKilled: false });
  expect(await launcher.reconnect(given.id, given.runFolder)).toBeNull();
  expect(launcher.lastExit(join(folder, 'nowhere'))).toBeNull();
});

test('a launcher that was killed is started again, and its containers’ ends are still seen', async () => {
  const own = join(folder, 'berth-native');
  copyFileSync(nativeProgram, own);
  chmodSync(own, 0o755);
  const warnings: string[] = [];
  const other = openLauncher({ program: own, onWarning: (message) => warnings.push(message) });
  const supervisor = await other.start(
    options(sh('while [ ! -e /stop ]; do busybox sleep 0.01; done; exit 8')),
  );
  const stat = readFileSync(`/proc/${supervisor.pid}/status`, 'utf8');
  const parent = /^PPid:\t(\d+)/m.exec(stat)![1]!;
  const launcherPid = Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${parent}/status`, 'utf8'))![1]);
  // Sealed: what runs is not the file on disk.
  expect(readFileSync(`/proc/${launcherPid}/comm`, 'utf8')).toBe('berth-launcher\n');
  globalThis.process.kill(launcherPid, 'SIGKILL');
  await eventually(() => warnings.length > 0);

  const next = await other.start(options(sh('exit 2')));
  expect((await next.exited).code).toBe(2);
  next.release();
  expect(existsSync(`/proc/${supervisor.pid}`)).toBe(true);
  await supervisor.kill(SIGKILL);
  expect((await supervisor.exited).code).toBe(137);
  supervisor.release();
  other.close();
});

test('an exit that nobody heard is not put into a folder that was cleared, or is the next run’s by now', async () => {
  for (const next of [false, true]) {
    const given = options(sh('busybox sleep 0.3; exit 6'));
    const first = await daemon(given);
    const socket = join(given.runFolder, 'supervisor.sock');
    rmSync(socket);
    if (next) writeFileSync(socket, '');
    const ended = once(first, 'exit');
    first.kill('SIGKILL');
    await ended;
    await sleep(600);
    expect(readdirSync(given.runFolder)).toEqual(next ? ['supervisor.sock'] : []);
    rmSync(given.runFolder, { recursive: true });
  }
});

/** Kills what `before` does not have of this process's children; returns once it is dead, before this process hears of it. */
function killNew(before: Set<string>): void {
  for (const pid of ownChildren()) {
    if (before.has(pid)) continue;
    globalThis.process.kill(Number(pid), 'SIGKILL');
    while (!/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
  }
}

function ownChildren(): Set<string> {
  const { pid } = globalThis.process;
  return new Set(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean));
}

test('starts are answered when launchers are killed, whatever is asked before that is known', async () => {
  const quick = async (other: Launcher) => {
    const given = options(['busybox', 'true']);
    const answer = other.start(given).then(
      (supervisor) => finish(supervisor).then(String, String),
      (error: Error) => error.message,
    );
    return Promise.race([answer, sleep(3000, 'no answer', { ref: false })]);
  };
  for (let round = 0; round < 6; round++) {
    const before = ownChildren();
    const other = openLauncher({ program: nativeProgram });
    const answers = [quick(other)];
    await answers[0];
    answers.push(quick(other));
    killNew(before);
    // One of the rounds asks when the socket is known to be of no use, and is not closed yet.
    for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
    answers.push(quick(other));
    expect(await Promise.all(answers)).not.toContain('no answer');
    killNew(before);
    answers.push(quick(other));
    expect(await answers.at(-1)).toMatch(/0|lost/);
    other.close();
  }
}, 60_000);

test('a start whose clients went with its launcher is given up when another launcher finds it', async () => {
  let seen = false;
  for (let round = 0; round < 10 && !seen; round++) {
    const before = ownChildren();
    const other = openLauncher({ program: nativeProgram });
    await other.ready();
    const own = [...ownChildren()].filter((pid) => !before.has(pid)).map(Number);
    const given = options(['busybox', 'sleep', '100'], { attach: [OUTPUT] });
    const answer = other.start(given).then(
      (supervisor) => supervisor.kill(SIGKILL).catch(() => undefined),
      () => undefined,
    );
    // Stopped before it can tell that the client may connect, which then waits for that in vain.
    const late = performance.now() + 1000;
    while (!existsSync(join(given.runFolder, 'supervisor.sock')) && performance.now() < late);
    for (const pid of own) globalThis.process.kill(pid, 'SIGSTOP');
    const began = performance.now();
    const found = await launcher.reconnect(given.id, given.runFolder).catch((error: Error) => error);
    const took = performance.now() - began;
    for (const pid of own) globalThis.process.kill(pid, 'SIGKILL');
    expect(took).toBeLessThan(3000);
    // In other rounds the client was faster.
    seen = found === null;
    if (found && 'kill' in found) await found.kill(SIGKILL).catch(() => undefined);
    await answer;
    other.close();
  }
  expect(seen).toBe(true);
}, 60_000);

test('a supervisor that is killed takes its container along', async () => {
  const supervisor = await launcher.start(options(['busybox', 'sleep', '100']));
  const parent = /^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${supervisor.pid}/status`, 'utf8'))![1]!;
  globalThis.process.kill(Number(parent), 'SIGKILL');
  await expect(supervisor.exited).rejects.toMatchObject({ stage: 'start', errno: 3 });
  await eventually(() => {
    // Whoever inherits it may be slow to reap it.
    const stat = `/proc/${supervisor.pid}/stat`;
    return !existsSync(stat) || /\) Z /.test(readFileSync(stat, 'utf8'));
  });
});
