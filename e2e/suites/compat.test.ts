import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../support/daemon.ts';

// Points where clients of Docker's engine met something else, each as dockerd 26.1 has it.

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
const inspect = (name: string) => JSON.parse(docker('inspect', name))[0];
const sleeper = (name: string, ...options: string[]) =>
  docker('run', '-d', '--name', name, ...options, 'bb', 'sleep', '600');

test("an image that exposes ports shares another container's network", () => {
  docker('create', '--name', 'plain', 'bb', 'true');
  docker('commit', '-c', 'EXPOSE 80', 'plain', 'exposing');
  sleeper('lender');
  expect(docker('run', '--rm', '--network', 'container:lender', 'exposing', 'echo', 'ok')).toBe('ok');
  expect(refusal('run', '--rm', '--network', 'container:lender', '--expose', '1', 'bb', 'true')).toContain(
    'conflicting options: port exposing and the container type network mode',
  );
});

test("a container's network can be entered by its sandbox key, before and after a restart of the daemon", async () => {
  sleeper('entered');
  docker('run', '--name', 'over', 'bb', 'true');
  const key = inspect('entered').NetworkSettings.SandboxKey;
  const address = () =>
    spawnSync('nsenter', [`--net=${key}`, 'ip', '-o', 'addr', 'show', 'eth0']).stdout.toString();
  expect(address()).toContain(inspect('entered').NetworkSettings.IPAddress);
  expect(existsSync(inspect('over').NetworkSettings.SandboxKey)).toBe(false);
  await daemon.down();
  await daemon.up();
  expect(inspect('entered').NetworkSettings.SandboxKey).toBe(key);
  expect(address()).toContain(inspect('entered').NetworkSettings.IPAddress);
  const host = docker('run', '-d', '--network', 'host', 'bb', 'sleep', '600');
  expect(readlinkSync(readlinkSync(inspect(host).NetworkSettings.SandboxKey))).toBe(
    readlinkSync('/proc/self/ns/net'),
  );
  docker('rm', '-f', 'entered');
  expect(readdirSync(join(daemon.folder, 'exec/netns'))).not.toContain(key.split('/').at(-1));
});

test('what GraphDriver names is there', () => {
  sleeper('graphed');
  const paths = [inspect('graphed'), JSON.parse(docker('image', 'inspect', 'bb'))[0]].flatMap(
    ({ GraphDriver }) =>
      Object.values(GraphDriver.Data as Record<string, string>).flatMap((value) => value.split(':')),
  );
  expect(paths.length).toBeGreaterThan(3);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});

test('the runtimes of info tell their features', async () => {
  const { json } = await daemon.call('GET', '/v1.45/info');
  for (const { status } of Object.values<{ status: Record<string, string> }>(json.Runtimes))
    expect(JSON.parse(status['org.opencontainers.runtime-spec.features']!)).toMatchObject({
      mountOptions: expect.arrayContaining(['rro', 'rbind']),
      linux: { namespaces: expect.arrayContaining(['pid', 'user']), seccomp: { enabled: true } },
    });
  expect(json.RuncCommit).toEqual({ ID: 'N/A', Expected: 'N/A' });
});

test('mounts taken from another container have no mode of their own', () => {
  docker('create', '--name', 'from', '-v', 'vol:/v:ro', '-v', '/anon', 'bb', 'true');
  docker('create', '--name', 'to', '--volumes-from', 'from:ro', 'bb', 'true');
  const modes = inspect('to').Mounts.map(({ Destination, Mode, RW }: Record<string, unknown>) => [
    Destination,
    Mode,
    RW,
  ]);
  expect(modes.toSorted()).toEqual([
    ['/anon', '', false],
    ['/v', '', false],
  ]);
});

test('with a network a container loses the names that the network knew from its hosts file', () => {
  for (const network of ['ha', 'hb']) docker('network', 'create', network);
  sleeper('hosted', '--network', 'ha');
  docker('network', 'connect', 'hb', 'hosted');
  const lines = () => docker('exec', 'hosted', 'tail', '-n', '+7', '/etc/hosts').split('\n').filter(Boolean);
  expect(lines()).toHaveLength(2);
  docker('network', 'disconnect', 'ha', 'hosted');
  expect(lines()).toHaveLength(0);
  docker('network', 'connect', 'bridge', 'hosted');
  docker('network', 'disconnect', 'bridge', 'hosted');
  expect(lines()).toHaveLength(1);
});

test('a network that is not there may be connected to what does not run; the start tells', () => {
  docker('create', '--name', 'early', 'bb', 'true');
  docker('network', 'connect', 'later', 'early');
  expect(refusal('start', 'early')).toContain('network later not found');
  docker('network', 'disconnect', 'later', 'early');
  docker('start', 'early');
});

test('a link is a name on its own network alone', () => {
  for (const network of ['la', 'lb']) docker('network', 'create', network);
  sleeper('linked', '--network', 'la');
  sleeper('linking', '--network', 'la', '--link', 'linked:ina', '--link', 'nobody:none');
  docker('network', 'connect', 'lb', 'linked');
  docker('network', 'connect', '--link', 'linked:inb', 'lb', 'linking');
  const finds = (name: string) => daemon.docker(['exec', 'linking', 'ping', '-c1', '-W2', name]).status === 0;
  expect(['ina', 'ina.la', 'inb', 'inb.la', 'none'].map(finds)).toEqual([true, true, true, false, false]);
  docker('network', 'disconnect', 'la', 'linked');
  expect(['ina', 'inb', 'linked'].map(finds)).toEqual([false, true, true]);
  docker('rm', '-f', 'linked', 'linking');
});

test('packets too short for IPv6 serve IPv4', () => {
  docker('network', 'create', '-o', 'com.docker.network.driver.mtu=600', 'short');
  expect(docker('run', '--rm', '--network', 'short', 'bb', 'cat', '/sys/class/net/eth0/mtu')).toBe('600');
});

test('a port of a range is the one behind that of the last start', () => {
  sleeper('ranged', '-p', '127.0.0.1:39100-39102:80');
  const ports = [0, 1, 2].map(() => {
    docker('restart', '-t', '0', 'ranged');
    return docker('port', 'ranged').replace(/.*:/, '');
  });
  expect(ports).toEqual(['39101', '39102', '39100']);
});

test('an IPv6 network needs a subnet where engines of that version had none to give', async () => {
  expect(refusal('network', 'create', '--ipv6', 'six')).toContain(
    'could not find an available, non-overlapping IPv6 address pool',
  );
  const body = { Name: 'six', EnableIPv6: true };
  expect((await daemon.call('POST', '/v1.47/networks/create', body)).status).toBe(201);
});

test('what changed nothing has no list of changes', async () => {
  docker('create', '--name', 'same', 'bb', 'true');
  expect((await daemon.call('GET', '/containers/same/changes')).text.trim()).toBe('null');
});

test('bounds are told in the words of dockerd', () => {
  sleeper('bounded');
  expect(refusal('update', '--cpu-shares', '1', 'bounded')).toContain(
    'runc did not terminate successfully: exit status 1: the minimum allowed cpu-shares is 2',
  );
  expect(refusal('volume', 'create', 'é')).toContain('includes invalid characters for a local volume name');
  expect(refusal('run', '--log-driver', 'local', '--log-opt', 'max-file=1', 'bb', 'true')).toContain(
    'compression cannot be enabled when max file count is 1',
  );
});

test('signals that are none are told as such', () => {
  sleeper('signalled');
  expect(refusal('kill', '-s=-1', 'signalled')).toContain('the linux daemon does not support signal -1');
  expect(refusal('restart', '-s', 'FOO', 'signalled')).toContain(
    'Cannot restart container signalled: invalid signal: FOO',
  );
});

test('the events of mounts: after the networks of a start, around every look at the files', async () => {
  const since = String(Date.now() / 1000);
  sleeper('watched', '-v', 'watched:/v');
  docker('exec', 'watched', 'touch', '/f');
  docker('cp', 'watched:/f', '-');
  const events = docker(
    'events',
    '--since',
    since,
    '--until',
    String(Date.now() / 1000 + 1),
    '--format',
    '{{.Type}} {{.Action}}',
  );
  expect(events.split('\n').filter((line) => !/^container exec/.test(line))).toEqual([
    'volume create',
    'container create',
    'network connect',
    'volume mount',
    'container start',
    'volume mount',
    'container archive-path',
    'volume unmount',
  ]);
  await daemon.call('POST', '/build/prune');
  expect(
    docker(
      'events',
      '--since',
      since,
      '--until',
      // The event may have come within this millisecond.
      String(Date.now() / 1000 + 0.1),
      '-f',
      'event=prune',
      '-f',
      'type=builder',
    ),
  ).toContain('reclaimed=');
});

test('a filter of an object matches the beginning of any name', () => {
  const since = String(Date.now() / 1000);
  docker('volume', 'create', 'prefix-v');
  docker('network', 'create', 'prefix-n');
  docker('create', '--name', 'prefix-c', 'bb', 'true');
  const told = (...filters: string[]) =>
    docker(
      'events',
      '--since',
      since,
      '--until',
      String(Date.now() / 1000),
      '--format',
      '{{.Type}}',
      ...filters,
    );
  expect(told('-f', 'container=prefix').split('\n')).toEqual(['volume', 'network', 'container']);
  expect(told('-f', 'container=prefix', '-f', 'type=container')).toBe('container');
});

test('a working directory that can be none is refused at create', () => {
  expect(refusal('create', '--name', 'placed', '-w', '/bin/busybox', 'bb', 'true')).toContain(
    'Cannot mkdir: /bin/busybox is not a directory',
  );
  expect(docker('ps', '-aq', '-f', 'name=placed')).toBe('');
  docker('create', '--name', 'placed', '-w', '/new/dir', 'bb', 'true');
  expect(docker('diff', 'placed').split('\n')).toEqual(['A /new', 'A /new/dir']);
});

test('what is wrong with a log is told at the start', () => {
  const start = (option: string) => refusal('run', '--rm', '--log-opt', option, 'bb', 'true');
  expect(start('max-size=-1')).toContain("failed to initialize logging driver: invalid size: '-1'");
  expect(start('tag={{.ID}}{{')).toContain('template: log-tag:1: unclosed action');
  expect(start('tag=a{{.Bogus}}')).toContain(
    `template: log-tag:1:3: executing "log-tag" at <.Bogus>: can't evaluate field Bogus in type *logger.Info`,
  );
});

test('no line is older than 1970', async () => {
  docker('run', '--name', 'logged', 'bb', 'echo', 'line');
  const lines = async (query: string) =>
    (await daemon.call('GET', `/containers/logged/logs?stdout=1&${query}`)).text.slice(8);
  expect(await lines('until=-5')).toBe('');
  expect(await lines('since=-5')).toBe('line\n');
});

test('what dockerd refuses of networks and their ends', () => {
  expect(refusal('run', '--rm', '--link-local-ip', '1.2.3.4', 'bb', 'true')).toContain(
    'invalid link local IP address: 1.2.3.4',
  );
  expect(refusal('network', 'create', '-o', 'com.docker.network.driver.mtu=60', 'tiny')).toMatch(
    /: invalid argument$/,
  );
  expect(refusal('network', 'create', '-d', 'macvlan', '-o', 'parent=lo', 'looped')).toContain(
    'loopback interface is not a valid macvlan parent link',
  );
  docker('network', 'create', '--subnet', '10.198.19.0/24', 'asked');
  for (const address of ['::ffff:10.198.19.9', '::', '10.198.19.9'])
    expect(refusal('run', '--rm', '--network', 'asked', '--ip6', address, 'bb', 'true')).toContain(
      `invalid IPv6 address: ${address}`,
    );
  sleeper('alone', '--network', 'none');
  for (const network of ['bridge', 'host', 'none'])
    expect(refusal('network', 'connect', '--alias', 'a', network, 'alone')).toContain(
      'network-scoped alias is supported only for containers in user defined networks',
    );
  docker('rm', '-f', 'alone');
  docker('network', 'create', '--config-only', 'template');
  expect(JSON.parse(docker('network', 'inspect', 'template'))[0].IPAM.Config).toBeNull();
  expect(docker('network', 'ls', '-q', '-f', 'driver=bridge', '-f', 'name=template')).toBe('');
});

test('a PID namespace of a container that does not run is told as dockerd tells it', async () => {
  docker('create', '--name', 'still', 'bb', 'true');
  docker('create', '--name', 'joining', '--pid', 'container:still', 'bb', 'true');
  const { status, text } = await daemon.call('POST', '/containers/joining/start');
  expect([status, text]).toEqual([500, expect.stringContaining('failed to join PID namespace')]);
});

test("a container's volume driver holds for its nameless volumes, too", async () => {
  const body = { Image: 'bb', Volumes: { '/v': {} }, HostConfig: { VolumeDriver: 'nosuch' } };
  const { status, text } = await daemon.call('POST', '/v1.45/containers/create', body);
  expect([status, text]).toEqual([404, expect.stringContaining('plugin \\"nosuch\\" not found')]);
});
