import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Launcher, StartOptions } from './api.ts';
import { nativeProgram } from './index.ts';
import { openLauncher } from './launcher.ts';
import {
  entries,
  eventually,
  finish,
  folder,
  launcher,
  OUTPUT,
  options,
  processRecords,
  SIGKILL,
  sh,
  text,
} from './testing.ts';

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
  const child = spawn(process.execPath, ['--no-warnings', script, JSON.stringify(given)], {
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
  const exec = await supervisor.exec([['id', given.id], ...processRecords(sh('echo in; : > /stop'))], {
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
  process.kill(launcherPid, 'SIGKILL');
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
    process.kill(Number(pid), 'SIGKILL');
    while (!/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
  }
}

function ownChildren(): Set<string> {
  const { pid } = process;
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
    for (const pid of own) process.kill(pid, 'SIGSTOP');
    const began = performance.now();
    const found = await launcher.reconnect(given.id, given.runFolder).catch((error: Error) => error);
    const took = performance.now() - began;
    for (const pid of own) process.kill(pid, 'SIGKILL');
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
  process.kill(Number(parent), 'SIGKILL');
  await expect(supervisor.exited).rejects.toMatchObject({ stage: 'start', errno: 3 });
  await eventually(() => {
    // The process that inherits it may be slow to reap it.
    const stat = `/proc/${supervisor.pid}/stat`;
    return !existsSync(stat) || /\) Z /.test(readFileSync(stat, 'utf8'));
  });
});
