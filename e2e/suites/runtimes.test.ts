import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { stateOfProcess, supervisorOf } from '../support/helpers.ts';
import { PROBE } from '../support/probe.ts';

// The same containers under Berth's own runtime, runc and crun (the distribution's packages): they see the same, and live
// the same life. What is not installed is left out.

const PROGRAMS: Record<string, string> = { debrunc: '/usr/sbin/runc', crun: '/usr/bin/crun' };
const OTHERS = Object.keys(PROGRAMS).filter((name) => existsSync(PROGRAMS[name]!));

let daemon: TestDaemon;
let hanging: string;
beforeAll(async () => {
  const registered = OTHERS.flatMap((name) => ['--add-runtime', `${name}=${PROGRAMS[name]}`]);
  daemon = new TestDaemon([...registered, '--add-runtime', 'gone=/nosuch/runtime']);
  hanging = join(daemon.folder, 'hanging');
  daemon.extra.push('--add-runtime', `hanging=${hanging}`);
  writeFileSync(hanging, '#!/bin/sh\n[ "$1" = features ] || exec sleep 600\n');
  chmodSync(hanging, 0o755);
  await daemon.up();
  await daemon.importBusybox();
});
afterAll(async () => {
  await daemon?.dispose();
});

const docker = (...args: string[]) => daemon.succeeds(...args);
const run = (runtime: string, ...args: string[]) =>
  docker('run', '--rm', '--runtime', runtime, '--network', 'none', ...args);
const inspect = (name: string, format: string) => docker('inspect', '-f', format, name);
const bundleOf = (id: string) => join(daemon.folder, 'exec', 'c', id.slice(0, 32));
/** Nothing of a container's run is left. */
const gone = (id: string) => until('its run folder to go', () => !existsSync(bundleOf(id)));

describe.each([
  ['0', []],
  [
    '1000:44',
    ['--security-opt', 'no-new-privileges', '--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN', '--read-only'],
  ],
  ['0', ['--privileged']],
])('user %s with %p', (user, options) => {
  test.each(OTHERS)('sees under %s what it sees under the own runtime', (runtime) => {
    const look = (name: string) =>
      run(
        name,
        ...['-u', user, '-h', 'seen', '--domainname', 'example.org', '-e', 'X=y', '-w', '/tmp/wd'],
        ...['-m', '64m', '--cpus', '0.5', '--cpu-shares', '300', '--pids-limit', '50', '--cpuset-cpus', '0'],
        ...['--ulimit', 'nofile=100:200', '--ulimit', 'core=-1', '--sysctl', 'net.core.somaxconn=99'],
        ...['--tmpfs', '/t:size=1m', '--group-add', '45', '--oom-score-adj', '100'],
        ...['--device', '/dev/full:/dev/xfull:r', '-v', '/etc:/host-etc:ro', ...options],
        'bb',
        'sh',
        '-c',
        PROBE,
      )
        .split('\n')
        .filter((line) => options[0] !== '--privileged' || !/^[cl]rw|^mount \/dev/.test(line));
    const own = look('berth');
    expect(own).toContain('seen');
    expect(own).toContain('example.org');
    expect(own.join('\n')).toMatch(/Max open files +100 +200/);
    expect(look(runtime)).toEqual(own);
  });
});

test.each(OTHERS)('a life under %s: execs, pause, limits, signals, exit codes, restarts', async (runtime) => {
  const name = `life-${runtime}`;
  const script = 'trap "echo got term; exit 3" TERM; echo started; while :; do sleep 0.1; done';
  const id = docker('run', '-d', '--name', name, '--runtime', runtime, '-m', '64m', 'bb', 'sh', '-c', script);
  expect(inspect(name, '{{.HostConfig.Runtime}}')).toBe(runtime);
  const exec = (...args: string[]) => daemon.docker(['exec', ...args]);
  expect(
    exec('-u', '1000:7', '-e', 'A=b', '-w', '/tmp', name, 'sh', '-c', 'echo $(id -u):$(id -g) $A $PWD')
      .stdout,
  ).toBe('1000:7 b /tmp\n');
  expect(daemon.docker(['exec', '-i', name, 'cat'], { input: 'typed' }).stdout).toBe('typed');
  expect(exec('-t', name, 'tty').stdout).toMatch(/^\/dev\/pts\/\d+/);
  expect(exec(name, 'sh', '-c', 'echo err >&2; exit 9')).toMatchObject({ status: 9, stderr: 'err\n' });
  expect(exec(name, 'nosuch').stdout + exec(name, 'nosuch').stderr).toMatch(
    /OCI runtime exec failed: .*nosuch.*not found in \$PATH/,
  );
  expect(exec('-u', 'ghost', name, 'id').stdout).toContain('unable to find user ghost');
  expect(exec('--privileged', name, 'grep', 'CapEff', '/proc/self/status').stdout).not.toContain(
    '00000000a80425fb',
  );
  docker('exec', '-d', name, 'sh', '-c', 'echo detached > /tmp/f');
  await until('the detached exec', () => exec(name, 'cat', '/tmp/f').stdout === 'detached\n');
  docker('pause', name);
  expect(exec(name, 'true').stderr).toContain('is paused');
  docker('unpause', name);
  docker('update', '-m', '128m', '--memory-swap', '256m', name);
  const stats = await daemon.call('GET', `/containers/${name}/stats?stream=0&one-shot=1`);
  expect(stats.json.memory_stats.limit).toBe(128 * 2 ** 20);
  expect(stats.json.pids_stats.current).toBeGreaterThan(0);
  expect(docker('top', name)).toContain('got term');
  expect(docker('diff', name).split('\n')).toEqual(['C /tmp', 'A /tmp/f']);
  writeFileSync(join(daemon.folder, 'copied'), 'copied');
  docker('cp', join(daemon.folder, 'copied'), `${name}:/tmp/copied`);
  expect(exec(name, 'cat', '/tmp/copied').stdout).toBe('copied');
  docker('kill', '-s', 'TERM', name);
  expect(docker('wait', name)).toBe('3');
  expect(docker('logs', name)).toBe('started\ngot term');
  docker('start', name);
  docker('restart', name);
  expect(inspect(name, '{{.State.Status}}')).toBe('running');
  docker('rm', '-f', name);
  await gone(id);
});

test.each(OTHERS)(
  'resize, health, OOM, restart policy and a log of another driver under %s',
  async (runtime) => {
    const start = (name: string, ...args: string[]) =>
      docker('run', '-d', '--name', `${name}-${runtime}`, '--runtime', runtime, '--network', 'none', ...args);
    start('tty', '-t', 'bb', 'sleep', '600');
    expect((await daemon.call('POST', `/containers/tty-${runtime}/resize?h=33&w=44`)).status).toBe(200);
    expect(docker('exec', `tty-${runtime}`, 'stty', '-F', '/dev/console', 'size')).toBe('33 44');
    start('ill', '--health-cmd', 'echo well', '--health-interval', '300ms', 'bb', 'sleep', '600');
    start('fat', '-m', '20m', '--log-driver', 'local', 'bb', 'sh', '-c', 'echo eats; tail /dev/zero');
    start('again', '--restart', 'on-failure:1', 'bb', 'sh', '-c', 'echo x; exit 4');
    await until('the health', () => inspect(`ill-${runtime}`, '{{.State.Health.Status}}') === 'healthy');
    await until(
      'the OOM',
      () => inspect(`fat-${runtime}`, '{{.State.OOMKilled}} {{.State.ExitCode}}') === 'true 137',
    );
    expect(docker('logs', `fat-${runtime}`)).toContain('eats');
    await until(
      'the restart',
      () =>
        inspect(`again-${runtime}`, '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}') ===
        '1 exited 4',
    );
    expect(docker('logs', `again-${runtime}`)).toBe('x\nx');
    docker('rm', '-f', ...['tty', 'ill', 'fat', 'again'].map((name) => `${name}-${runtime}`));
  },
);

test.each(OTHERS)('networks, shared namespaces, volumes, images and init under %s', async (runtime) => {
  const web = 'mkdir /w; echo page > /w/index.html; echo s > /dev/shm/s; exec httpd -f -p 80 -h /w';
  docker('network', 'create', `net-${runtime}`);
  docker(
    ...['run', '-d', '--name', `web-${runtime}`, '--runtime', runtime, '--network', `net-${runtime}`],
    ...['--ipc', 'shareable', '-p', '127.0.0.1:0:80', 'bb', 'sh', '-c', web],
  );
  const port = docker('port', `web-${runtime}`, '80');
  await until('the page', () => spawnSync('curl', ['-s', port], { encoding: 'utf8' }).stdout === 'page\n');
  const within = (...args: string[]) => docker('run', '--rm', '--runtime', runtime, ...args);
  expect(within('--network', `net-${runtime}`, 'bb', 'wget', '-qO-', `http://web-${runtime}/`)).toBe('page');
  const shared = ['network', 'ipc', 'pid'].flatMap((kind) => [`--${kind}`, `container:web-${runtime}`]);
  expect(within(...shared, 'bb', 'sh', '-c', 'cat /dev/shm/s; wget -qO- http://localhost; ps')).toMatch(
    /^s\npage\n.*httpd/s,
  );
  within('-v', `vol-${runtime}:/v`, 'bb', 'sh', '-c', 'mkdir -p /v/sub; echo deep > /v/sub/f');
  const mount = `type=volume,src=vol-${runtime},dst=/m,volume-subpath=sub`;
  expect(within('--mount', mount, 'bb', 'cat', '/m/f')).toBe('deep');
  const image = daemon.berth([
    'run',
    '--rm',
    '--runtime',
    runtime,
    '--mount',
    'type=image,src=bb,dst=/i',
    'bb',
    'ls',
    '/i',
  ]);
  expect(image.stdout.split('\n')).toContain('bin');
  expect(within('--init', 'bb', 'ps')).toMatch(/1 root +\/sbin\/docker-init -- ps/);
  docker('rm', '-f', `web-${runtime}`);
  docker('network', 'rm', `net-${runtime}`);
  docker('volume', 'rm', `vol-${runtime}`);
});

test.each(OTHERS)('containers under %s outlive the daemon, and not their supervisor', async (runtime) => {
  const name = `tough-${runtime}`;
  const id = docker(
    'run',
    '-d',
    '--name',
    name,
    '--runtime',
    runtime,
    'bb',
    'sh',
    '-c',
    'while :; do echo on; sleep 0.1; done',
  );
  docker(
    'run',
    '-d',
    '--name',
    `short-${runtime}`,
    '--runtime',
    runtime,
    'bb',
    'sh',
    '-c',
    'sleep 0.5; exit 6',
  );
  await daemon.down('SIGKILL');
  await sleep(800);
  await daemon.up();
  expect(inspect(`short-${runtime}`, '{{.State.ExitCode}}')).toBe('6');
  expect(docker('exec', name, 'echo', 'there')).toBe('there');
  const before = docker('logs', name).length;
  await until('the log to grow', () => docker('logs', name).length > before);
  const pid = Number(inspect(name, '{{.State.Pid}}'));
  process.kill(supervisorOf(pid), 'SIGKILL');
  await until('the end', () => inspect(name, '{{.State.Status}} {{.State.ExitCode}}') === 'exited 255');
  await until('its processes to go', () => ['', 'Z'].includes(stateOfProcess(pid)));
  docker('start', name);
  expect(docker('exec', name, 'echo', 'again')).toBe('again');
  docker('rm', '-f', name, `short-${runtime}`);
  await gone(id);
});

test.each(OTHERS)("the bundle of %s is a container's config.json, which nobody else may read", (runtime) => {
  const name = `bundle-${runtime}`;
  const id = docker('run', '-d', '--name', name, '--runtime', runtime, '-u', '7:8', 'bb', 'sleep', '600');
  const bundle = bundleOf(id);
  const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
  expect(config).toMatchObject({
    process: { user: { uid: 7, gid: 8, additionalGids: [8] }, args: ['sleep', '600'] },
    root: { path: join(bundle, 'fs', 'rootfs') },
    linux: { cgroupsPath: `/docker/${id}` },
  });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(bundle);
  const { status, stdout } = spawnSync(PROGRAMS[runtime]!, ['--root', join(bundle, 'state'), 'state', id], {
    encoding: 'utf8',
  });
  expect([status, JSON.parse(stdout).status]).toEqual([0, 'running']);
  docker('rm', '-f', name);
});

test.each(OTHERS)('a start that fails under %s says why, and leaves nothing', async (runtime) => {
  const failed = daemon.docker(['run', '--name', `bad-${runtime}`, '--runtime', runtime, 'bb', 'nosuch']);
  // The client looks for words that crun writes otherwise.
  expect(failed.status).toBe(runtime === 'crun' ? 125 : 127);
  expect(failed.stderr).toMatch(/OCI runtime create failed: .*nosuch.*not found in \$PATH/);
  expect(inspect(`bad-${runtime}`, '{{.State.ExitCode}}')).toBe('127');
  const id = inspect(`bad-${runtime}`, '{{.Id}}');
  docker('rm', `bad-${runtime}`);
  await gone(id);
});

test('a runtime that is not there is refused', () => {
  const bad = (runtime: string) => daemon.docker(['run', '--rm', '--runtime', runtime, 'bb', 'true']);
  expect(bad('nosuch')).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('unknown or invalid runtime name: nosuch'),
  });
  expect(bad('gone')).toMatchObject({
    status: 127,
    stderr: expect.stringContaining('fork/exec /nosuch/runtime: no such file or directory'),
  });
  expect(bad('io.containerd.kata.v2').stderr).toContain('binary not installed "containerd-shim-kata-v2"');
  expect(daemon.docker(['run', '--rm', '--runtime', 'io.containerd.runc.v2', 'bb', 'true']).status).toBe(0);
});

test('a runtime that hangs does not hold up the removal of its container', async () => {
  const id = docker('create', '--name', 'stuck', '--runtime', 'hanging', '--network', 'none', 'bb', 'true');
  const started = daemon.call('POST', `/containers/${id}/start`);
  await sleep(300);
  expect(docker('rm', '-f', 'stuck')).toBe('stuck');
  expect((await started).status).toBeGreaterThanOrEqual(400);
  await gone(id);
});

test('runtimes are listed with their programs and features', async () => {
  const { json } = await daemon.call('GET', '/info');
  expect(json.DefaultRuntime).toBe('runc');
  expect(Object.keys(json.Runtimes)).toEqual(
    [...OTHERS, 'gone', 'hanging', 'io.containerd.runc.v2', 'runc'].sort(),
  );
  expect(json.Runtimes.gone).toEqual({ path: '/nosuch/runtime' });
  for (const name of [...OTHERS, 'runc']) {
    const features = JSON.parse(json.Runtimes[name].status['org.opencontainers.runtime-spec.features']);
    expect(features.linux.namespaces).toContain('network');
  }
});
