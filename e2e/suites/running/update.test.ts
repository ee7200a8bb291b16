import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { TestDaemon, until } from '../../support/daemon.ts';

// `berth update` beyond limits: ports, mounts, variables, labels and logs of a container that runs.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const berth = (...args: string[]) => daemon.output(args);
const refusal = (...args: string[]) => {
  const { status, stderr } = daemon.berth(args);
  expect(status).not.toBe(0);
  return stderr;
};
const inspect = async (name: string) => (await daemon.call('GET', `/containers/${name}/json`)).json;

/** Whether somebody behind the port of the host says `hello`. */
const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (text) => resolve(`${text}`.startsWith('hello')));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });

test('ports come and go while the program runs', async () => {
  berth(
    'run',
    '-d',
    '--name',
    'web',
    '-p',
    '127.0.0.1:18081:80',
    'bb',
    'sh',
    '-c',
    'while :; do echo hello | nc -l -p 80; done',
  );
  await until('the port', () => answers(18081));
  expect(berth('update', '--publish-add', '127.0.0.1:18082:80', 'web')).toBe('web');
  await until('the new port', () => answers(18082));
  expect(await answers(18081)).toBe(false);
  expect((await inspect('web')).NetworkSettings.Ports['80/tcp']).toEqual([
    { HostIp: '127.0.0.1', HostPort: '18082' },
  ]);
  // The same port of the host, by another address: the listener of the first is closed before.
  berth('update', '--publish-add', '18082:80', 'web');
  await until('the port on all addresses', () => answers(18082));
  // One that is taken changes nothing.
  berth('run', '-d', '--name', 'other', '-p', '18083:80', 'bb', 'sleep', '300');
  expect(refusal('update', '--publish-add', '18083:80', 'web')).toMatch(
    /port is already allocated|address already in use/,
  );
  await until('the port as before', () => answers(18082));
  berth('update', '--publish-rm', '80', 'web');
  expect(await answers(18082)).toBe(false);
  // The new limits hold over a restart, and over the daemon's.
  berth('update', '--publish-add', '18084:80', 'web');
  await daemon.down('SIGKILL');
  await daemon.up();
  await until('the port of before', () => answers(18084));
  berth('restart', '-t', '0', 'web');
  await until('the port after a restart', () => answers(18084));
  expect(refusal('update', '--publish-add', '1:99999', 'web')).toMatch(/[Ii]nvalid/);
  berth('rm', '-f', 'web', 'other');
});

test('labels hold at once, variables for execs and from the next start on', async () => {
  berth('run', '-d', '--name', 'vars', '-e', 'A=1', '-e', 'B=2', '-l', 'x=1', 'bb', 'sleep', '300');
  expect(
    berth('update', '--label-add', 'y=2', '--label-rm', 'x', '--env-add', 'A=9', '--env-rm', 'B', 'vars'),
  ).toBe('vars\nvars: Env will hold when it is started again');
  expect((await inspect('vars')).Config.Labels).toEqual({ y: '2' });
  expect(berth('ps', '-q', '--filter', 'label=y=2', '--no-trunc')).toHaveLength(64);
  expect(berth('exec', 'vars', 'sh', '-c', 'echo $A-$B')).toBe('9-');
  berth('restart', '-t', '0', 'vars');
  expect(berth('exec', 'vars', 'sh', '-c', 'tr "\\0" "\\n" < /proc/1/environ | grep A=')).toBe('A=9');
  berth('rm', '-f', 'vars');
});

test('mounts come and go while the program runs', async () => {
  const folder = join(daemon.folder, 'shared');
  mkdirSync(folder);
  writeFileSync(join(folder, 'f'), 'first');
  berth('run', '-d', '--name', 'mnt', 'bb', 'sleep', '300');
  expect(berth('update', '--mount-add', `type=bind,src=${folder},dst=/data,readonly`, 'mnt')).toBe('mnt');
  expect(berth('exec', 'mnt', 'cat', '/data/f')).toBe('first');
  expect(refusal('exec', 'mnt', 'touch', '/data/g')).toContain('Read-only');
  expect((await inspect('mnt')).Mounts).toMatchObject([{ Type: 'bind', Destination: '/data', RW: false }]);
  berth('update', '--mount-add', 'type=volume,src=live,dst=/data', 'mnt');
  berth('exec', 'mnt', 'sh', '-c', 'echo second > /data/f');
  expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('first');
  expect(refusal('volume', 'rm', 'live')).toContain('volume is in use');
  berth('restart', '-t', '0', 'mnt');
  expect(berth('exec', 'mnt', 'cat', '/data/f')).toBe('second');
  berth('update', '--mount-rm', '/data', 'mnt');
  expect(refusal('exec', 'mnt', 'cat', '/data/f')).toContain('No such file');
  berth('volume', 'rm', 'live');
  // A tmpfs waits.
  expect(berth('update', '--mount-add', 'type=tmpfs,dst=/t', 'mnt')).toContain(
    'mnt: Mounts will hold when it is started again',
  );
  expect(refusal('exec', 'mnt', 'ls', '/t')).toContain('No such file');
  berth('restart', '-t', '0', 'mnt');
  expect(berth('exec', 'mnt', 'grep', '-c', ' /t tmpfs', '/proc/mounts')).toBe('1');
  expect(refusal('update', '--mount-rm', '/nothing', 'mnt')).toContain('nothing is mounted at /nothing');
  expect(refusal('update', '--mount-add', 'type=bind,src=/not/there,dst=/d', 'mnt')).toContain(
    'does not exist',
  );
  expect(refusal('update', '--mount-add', `type=bind,src=${folder},dst=/proc/sys`, 'mnt')).toContain('proc');
  berth('rm', '-f', 'mnt');
});

test('an image whose links lead elsewhere does not choose where a mount goes', async () => {
  berth(
    'run',
    '-d',
    '--name',
    'links',
    'bb',
    'sh',
    '-c',
    'ln -s /proc /away; ln -s /dev /devices; ln -s /../../../.. /up; sleep 300',
  );
  const folder = join(daemon.folder, 'links');
  mkdirSync(folder);
  await until('the links', () => daemon.berth(['exec', 'links', 'test', '-L', '/up']).status === 0);
  for (const place of ['/away/sys', '/devices/pts', '/devices/x'])
    expect(refusal('update', '--mount-add', `type=bind,src=${folder},dst=${place}`, 'links')).toContain(
      'cannot be mounted',
    );
  berth('update', '--mount-add', `type=bind,src=${folder},dst=/up/here`, 'links');
  expect(berth('exec', 'links', 'grep', '-c', ' /here ', '/proc/mounts')).toBe('1');
  berth('rm', '-f', 'links');
});

test('a log gets other options, and another driver, in the middle of a line', async () => {
  berth(
    'run',
    '-d',
    '--name',
    'log',
    'bb',
    'sh',
    '-c',
    'printf one-; sleep 1; echo two; while :; do echo more; sleep 0.1; done',
  );
  berth('update', '--log-opt', 'max-size=1k', '--log-opt', 'max-file=2', 'log');
  await until('the line', () => berth('logs', 'log').includes('one-two\n'));
  expect((await inspect('log')).HostConfig.LogConfig).toEqual({
    Type: 'json-file',
    Config: { 'max-size': '1k', 'max-file': '2' },
  });
  expect(refusal('update', '--log-opt', 'nope=1', 'log')).toContain(
    "unknown log opt 'nope' for json-file log driver",
  );
  berth('update', '--log-driver', 'local', 'log');
  await until('the other log', () => /^(more\n?)+$/.test(berth('logs', 'log')));
  berth('rm', '-f', 'log');
});

test('an update that fails half-way leaves everything as it was', async () => {
  const folder = join(daemon.folder, 'half');
  mkdirSync(folder);
  const program = 'dd if=/dev/zero of=/dev/shm/f bs=1M count=32; while :; do echo hello | nc -l -p 80; done';
  berth('run', '-d', '--name', 'half', '-p', '127.0.0.1:18085:80', '-l', 'x=1', 'bb', 'sh', '-c', program);
  await until('the port', () => answers(18085));
  const state = async () => ({
    container: await inspect('half'),
    volumes: berth('volume', 'ls', '-q'),
    mounts: berth('exec', 'half', 'cat', '/proc/mounts'),
  });
  const before = await state();
  const changes = [
    ...['--publish-add', '127.0.0.1:18086:80', '--publish-add', '127.0.0.1:18087:81'],
    ...['--log-opt', 'max-size=1k', '--label-add', 'y=2', '--label-rm', 'x'],
    ...['--mount-add', 'type=volume,src=half,dst=/data'],
  ];
  const unmountable = ['--mount-add', `type=bind,src=${folder},dst=/proc/sys`];
  expect(refusal('update', ...changes, ...unmountable, 'half')).not.toContain('taken back');
  expect(await state()).toEqual(before);
  await until('the port as before', () => answers(18085));
  expect(await answers(18086)).toBe(false);
  // Version 1 of the kernel's cgroups refuses less memory than is in use, when all else has been changed.
  if (existsSync('/sys/fs/cgroup/memory/tasks')) {
    expect(refusal('update', ...changes, '--memory', '8m', '--memory-swap', '8m', 'half')).toContain('busy');
    expect(await state()).toEqual(before);
    await until('the port as before', () => answers(18085));
  }
  // Nothing of it is in the way of the same update without its fault.
  berth('update', ...changes, 'half');
  await until('the new port', () => answers(18086));
  berth('rm', '-f', 'half');
  berth('volume', 'rm', 'half');
});

test('negative microseconds of real time are refused before the kernel is asked', async () => {
  const id = await daemon.box(['sleep', '1000']);
  for (const name of ['CpuRealtimeRuntime', 'CpuRealtimePeriod'])
    expect(await daemon.call('POST', `/containers/${id}/update`, { [name]: -1 })).toMatchObject({
      status: 400,
      json: { message: expect.stringContaining(`invalid ${name} -1`) },
    });
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('limits that do not go together are refused, at the latest by the start', () => {
  berth('run', '-d', '--name', 'limited', '-m', '50m', 'bb', 'sleep', '600');
  expect(refusal('update', '--memory-reservation', '1m', 'limited')).toContain(
    'Minimum memory reservation allowed is 6MB',
  );
  berth('update', '--memory-reservation', '60m', 'limited');
  berth('stop', '-t', '0', 'limited');
  expect(refusal('start', 'limited')).toContain(
    'Minimum memory limit can not be less than memory reservation limit',
  );
  berth('update', '--memory-reservation', '40m', 'limited');
  berth('start', 'limited');
});
