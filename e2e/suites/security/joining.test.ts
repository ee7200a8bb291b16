import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, top, until } from '../../support/daemon.ts';

/** How many processes join per test; thousands show more. */
const JOINS = Number(process.env['BERTH_TEST_JOINS'] ?? 60);

let daemon: TestDaemon;
let reader = '';
beforeAll(async () => {
  daemon = await TestDaemon.start();
  reader = join(daemon.folder, 'reader');
  const source = join(top, 'e2e/support/joining-reader.c');
  const compiled = spawnSync('cc', ['-O2', '-Wall', '-static', source, '-o', reader], { encoding: 'utf8' });
  expect(compiled).toMatchObject({ status: 0, stderr: '' });
  writeFileSync(join(daemon.folder, 'host-file'), '');
});
afterAll(async () => {
  await daemon?.dispose();
});

/** Starts a container that looks at whatever joins it, and gives what it has seen after `work`. */
async function watched(work: (id: string) => Promise<void>, options = {}): Promise<string> {
  const id = await daemon.box(['/reader', join(daemon.folder, 'host-file'), 'secret-of-', 'another'], {
    ...options,
    HostConfig: { Binds: [`${reader}:/reader:ro`], CapAdd: ['SYS_PTRACE'], NetworkMode: 'none' },
  });
  const logs = () => daemon.docker(['logs', id]).stdout;
  await until('the reader', () => logs().includes('ready'));
  await work(id);
  await daemon.call('POST', `/containers/${id}/stop`);
  const seen = logs();
  await daemon.call('DELETE', `/containers/${id}?force=1`);
  return seen;
}

async function execute(id: string, index: number): Promise<void> {
  const Tty = index % 3 === 1;
  const Detach = index % 3 === 2;
  const { json } = await daemon.call('POST', `/containers/${id}/exec`, {
    Cmd: ['true'],
    AttachStdout: true,
    Tty,
  });
  expect((await daemon.call('POST', `/exec/${json.Id}/start`, { Tty, Detach })).status).toBe(200);
}

/**
 * The number of processes seen before they ran their program: it tells that the reader was early enough to see more.
 */
const early = (seen: string) => Number(/early (\d+)/.exec(seen)?.[1] ?? 0);
const leaks = (seen: string) => seen.split('\n').filter((line) => line.startsWith('leak'));

test('an exec is visible to the container as a process of the container only', async () => {
  const seen = await watched(async (id) => {
    for (let index = 0; index < JOINS; index++) await execute(id, index);
  });
  expect(leaks(seen)).toEqual([]);
  expect(early(seen)).toBeGreaterThan(0);
});

test('so is a health check', async () => {
  const checks = Math.ceil(JOINS / 6);
  const seen = await watched(
    async (id) => {
      let last = '';
      for (let count = 0; count < checks; count++)
        await until('a check', async () => {
          const { json } = await daemon.call('GET', `/containers/${id}/json`);
          const start = json.State.Health.Log.at(-1)?.Start ?? last;
          const another = start !== last;
          last = start;
          return another;
        });
    },
    { Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000 } },
  );
  expect(leaks(seen)).toEqual([]);
  expect(early(seen)).toBeGreaterThan(0);
});

/** Containers that share the PID namespace of `id`, with and without our init and a terminal. */
async function share(id: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const script =
      'echo $(ps | grep -c [r]eader) $(ls -d /proc/[0-9]* | wc -l) $(readlink /proc/self/ns/pid)';
    const flags = ['--rm', '--network=none', '--pid', `container:${id}`, ...(index % 2 ? ['--init'] : [])];
    const ran = daemon.docker(['run', ...flags, 'bb', 'sh', '-c', script]);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^1 [1-9]\d* pid:\[\d+\]\n$/);
  }
}

test('so is the first process of a container that shares the PID namespace', async () => {
  const seen = await watched((id) => share(id, Math.ceil(JOINS / 6)));
  expect(leaks(seen)).toEqual([]);
  expect(early(seen)).toBeGreaterThan(0);
});

test('a filter that forbids what a joining process has to do itself is loaded all the same', async () => {
  const profile = join(daemon.folder, 'strict.json');
  const names = [
    'clone',
    'clone3',
    'fork',
    'vfork',
    'capset',
    'setsid',
    'prctl',
    'prlimit64',
    'setrlimit',
    'ioctl',
    'setuid',
  ];
  writeFileSync(
    profile,
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names, action: 'SCMP_ACT_ERRNO' }],
    }),
  );
  const flags = ['run', '-d', '--name', 'strict', '--network=none', '--ulimit', 'nproc=1000:2000'];
  daemon.docker([...flags, '--security-opt', `seccomp=${profile}`, 'bb', 'sleep', '300']);
  const status = daemon.docker(['exec', 'strict', 'cat', '/proc/self/status', '/proc/self/limits']);
  expect(status).toMatchObject({ status: 0, stderr: '' });
  expect(status.stdout).toMatch(/Seccomp:\s2\n/);
  expect(status.stdout).toMatch(/Max processes +1000 +2000/);
  // Bounded as the first process is, from the moment it was made.
  const first = daemon.docker(['exec', 'strict', 'cat', '/proc/1/status']).stdout;
  const sets = (text: string) => /CapInh[\s\S]*CapAmb.*/.exec(text)?.[0];
  expect(sets(status.stdout)).toBe(sets(first));
  expect(daemon.docker(['exec', 'strict', 'setsid', 'true']).status).not.toBe(0);
  expect(daemon.docker(['exec', '-t', 'strict', 'tty']).status).not.toBe(0);
  daemon.docker(['rm', '-f', 'strict']);
});

test('an exec leads a session of its own, with its terminal', async () => {
  const id = await daemon.box(['sleep', '300'], { HostConfig: { NetworkMode: 'none' } });
  // Fields 1, 6 and 7 of stat(5): the process, its session, its terminal.
  const fields = (...flags: string[]) =>
    daemon
      .docker(['exec', ...flags, id, 'sh', '-c', 'cut -d " " -f 1,6,7 /proc/$$/stat'])
      .stdout.trim()
      .split(' ');
  const plain = fields();
  expect(plain[1]).toBe(plain[0]);
  expect(plain[2]).toBe('0');
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('where the kernel cannot make it, the procfs of a shared PID namespace is that of its owner', async () => {
  process.env['BERTH_PROC_OF_OTHER'] = '1';
  const older = await TestDaemon.start().finally(() => delete process.env['BERTH_PROC_OF_OTHER']);
  try {
    const id = await older.box(['sleep', '300'], { HostConfig: { NetworkMode: 'none' } }, 'owner');
    const script = 'ps | grep -c "[s]leep 300"; readlink /proc/self/ns/pid; echo x > /proc/sys/kernel/panic';
    const ran = older.docker([
      'run',
      '--rm',
      '--network=none',
      '--pid',
      `container:${id}`,
      'bb',
      'sh',
      '-c',
      script,
    ]);
    const pid = older.docker(['exec', id, 'readlink', '/proc/self/ns/pid']).stdout;
    expect(ran.stdout).toBe(`1\n${pid}`);
    expect(ran.stderr).toContain('Read-only file system');
  } finally {
    await older.dispose();
  }
});
