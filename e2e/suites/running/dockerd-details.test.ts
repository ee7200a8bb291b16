import { mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../../support/daemon.ts';

// Details of containers in which dockerd 26.1 was found to differ, each as it has them.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const docker = (...args: string[]) => daemon.succeeds(...args);
const refusal = (...args: string[]) => {
  const { status, stderr } = daemon.docker(args);
  if (status === 0) throw new Error(`docker ${args.join(' ')} did well`);
  return stderr.trim();
};

test('a start that is refused for the source of a mount leaves the state as it was', () => {
  const folder = join(daemon.folder, 'gone');
  mkdirSync(folder);
  docker('create', '--name', 'gone', '--mount', `type=bind,source=${folder},target=/s`, 'bb', 'true');
  rmdirSync(folder);
  expect(refusal('start', 'gone')).toContain(`bind source path does not exist: ${folder}`);
  expect(docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}} {{json .State.Error}}', 'gone')).toBe(
    'created 0 ""',
  );
  mkdirSync(folder);
  docker('start', '-a', 'gone');
});

test('the errors of mounts between files and folders say what was to be mounted where', () => {
  const file = join(daemon.folder, 'file');
  writeFileSync(file, '');
  const error = (...mount: string[]) => refusal('run', '--rm', ...mount, 'bb', 'true');
  const end =
    'not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type.';
  expect(error('-v', `${file}:/tmp`)).toContain(
    `error mounting "${file}" to rootfs at "/tmp": mount ${file}:/tmp (via /proc/self/fd/6), flags: 0x5000: ${end}`,
  );
  expect(error('--tmpfs', '/etc/passwd')).toContain(
    `error mounting "tmpfs" to rootfs at "/etc/passwd": mount tmpfs:/etc/passwd (via /proc/self/fd/6), flags: 0xe, data: mode=0644: ${end}`,
  );
  expect(error('-v', `${daemon.folder}:/bin/sh/x`)).toContain(
    `create mount destination for /bin/sh/x mount: cannot mkdir in /bin/busybox: ${end}`,
  );
  expect(error('-v', `${file}/x:/tmp`)).toContain(
    `create mount destination for /tmp mount: bind mount source stat: stat ${file}/x: ${end}`,
  );
  expect(error('--mount', `type=bind,source=${file}/x,target=/tmp`)).toContain(
    `invalid mount config for type "bind": stat ${file}/x: not a directory`,
  );
});

test('the host network beside networks without an interface', () => {
  const own = readlinkSync('/proc/self/ns/net');
  const show = '{{range $name, $end := .NetworkSettings.Networks}}{{$name}} {{len $end.EndpointID}};{{end}}';
  const both = (first: string, second: string) => {
    const id = docker('run', '-d', '--network', first, '--network', second, 'bb', 'sleep', '600');
    const shown = [docker('exec', id, 'readlink', '/proc/self/ns/net'), docker('inspect', '-f', show, id)];
    docker('rm', '-f', id);
    return [shown[0] === own, shown[1]];
  };
  expect(both('host', 'none')).toEqual([true, 'host 64;none 64;']);
  expect(both('bridge', 'host')).toEqual([false, 'bridge 64;host 64;']);
  expect(both('none', 'host')).toEqual([false, 'host 64;none 64;']);
  expect(refusal('run', '--rm', '--network', 'host', '--network', 'bridge', 'bb', 'true')).toContain(
    'container sharing network namespace with another container or host cannot be connected to any other network',
  );
});

test('an address of its own is refused to a container that shares a network', () => {
  docker('run', '-d', '--name', 'shared', 'bb', 'sleep', '600');
  expect(refusal('create', '--network', 'container:shared', '--ip', '1.2.3.4', 'bb')).toContain(
    'invalid config for network container:shared: invalid endpoint settings:\nuser specified IP address is supported on user defined networks only',
  );
});

test('a number of dots that is none does not reach the name server of the engine', () => {
  docker('network', 'create', 'dots');
  const options = (ndots: string) =>
    docker('run', '--rm', '--network', 'dots', '--dns-opt', ndots, 'bb', 'cat', '/etc/resolv.conf');
  expect(options('ndots:x')).toContain('options ndots:0\n');
  expect(options('ndots:x')).toContain('# Option ndots from: internal');
  expect(options('ndots:7')).toContain('options ndots:7\n');
});

test('a filter by id wants the beginning of one', () => {
  const [one = '', other = ''] = ['a', 'b'].map((name) => docker('create', '--name', `id-${name}`, 'bb'));
  const found = (...values: string[]) =>
    docker('ps', '-a', '--format', '{{.Names}}', ...values.flatMap((value) => ['--filter', `id=${value}`]))
      .split('\n')
      .sort();
  expect(found(one.slice(0, 12))).toEqual(['id-a']);
  expect(found(one, other)).toEqual(['id-a', 'id-b']);
  expect(found(one.slice(2))).toEqual(['']);
  expect(found('')).toEqual(['']);
  expect(found(`^${one}`)).toEqual(['']);
});

test('details of a log are escaped as in a query', () => {
  const log = ['--log-opt', 'env=Q', '-e', "Q=a b=c,d!'"];
  docker('run', '--name', 'details', ...log, 'bb', 'echo', 'hi');
  expect(docker('logs', '--details', 'details')).toBe('Q=a+b%3Dc%2Cd%21%27 hi');
});

test('what the kernel makes while it is read can be copied out of a running container', () => {
  docker('run', '-d', '--name', 'kernel', 'bb', 'sleep', '600');
  const copy = join(daemon.folder, 'copy');
  const read = (path: string) => {
    docker('cp', `kernel:${path}`, copy);
    return readFileSync(copy, 'utf8');
  };
  expect(read('/proc/1/comm')).toBe('sleep\n');
  expect(read('/proc/1/cmdline')).toBe(['sleep', '600', ''].join('\0'));
  expect(read('/sys/kernel/mm/transparent_hugepage/enabled')).toMatch(/^[\w [\]]+\n$/);
  // It has no end that can be waited for.
  expect(read('/proc/1/pagemap')).toBe('');
  expect(refusal('cp', '/etc/passwd', 'kernel:/etc/hosts')).toContain(
    'unlinkat /etc/hosts: device or resource busy',
  );
});

test('an init says who could not run what', () => {
  expect(daemon.docker(['run', '--rm', '--init', 'bb', 'nosuch']).stderr).toMatch(
    /^\[FATAL tini \(\d+\)\] exec nosuch failed: No such file or directory$/m,
  );
});

test('of several faults of a request for streams the one is told that dockerd looks at first', async () => {
  const told = async (method: string, path: string) => {
    const { status, text } = await daemon.call(method, `/containers/${path}`);
    return [status, text];
  };
  expect(await told('POST', 'nobody/attach?detachKeys=ctrl-%C3%A9')).toEqual([
    400,
    expect.stringContaining('detach'),
  ]);
  const missing = [404, expect.stringContaining('No such container: nobody')];
  expect(await told('POST', 'nobody/attach')).toEqual(missing);
  expect(await told('GET', 'nobody/stats?stream=1&one-shot=1')).toEqual(missing);
  expect((await told('GET', 'nobody/logs'))[0]).toBe(400);
  expect(await told('GET', 'nobody/logs?stdout=1&since=x')).toEqual(missing);
});
