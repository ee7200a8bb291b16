import { TestDaemon } from '../support/daemon.ts';

// Differences of Docker's engines 28 and 29 from 26.1, each at an API that has it and at one from before.

const OLD = '/v1.45';
const NEW = '/v1.52';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const docker = (...args: string[]) => daemon.succeeds(...args);
const sleeper = (name: string, ...options: string[]) =>
  docker('run', '-d', '--name', name, ...options, 'bb', 'sleep', '600');
const post = (path: string, body: object) => daemon.call('POST', path, body);

test('the user of an exec is looked up when it is created; its exit code tells why it did not start', async () => {
  sleeper('busy');
  const create = (version: string, body: object) =>
    post(`${version}/containers/busy/exec`, { Cmd: ['true'], ...body });
  const unknown = await create(NEW, { User: 'ghost' });
  expect([unknown.status, unknown.json.message]).toEqual([
    400,
    'unable to find user ghost: no matching entries in passwd file',
  ]);
  expect((await create(NEW, { User: 'root:ghosts' })).json.message).toContain('unable to find group ghosts');
  expect((await create(NEW, { User: '4711:12' })).status).toBe(201);
  expect((await create(OLD, { User: 'ghost' })).status).toBe(201);
  const exitCode = async (version: string, command: string) => {
    const { Id } = (await create(version, { Cmd: [command] })).json;
    expect((await post(`${version}/exec/${Id}/start`, { Detach: true })).status).toBe(400);
    return (await daemon.call('GET', `${version}/exec/${Id}/json`)).json.ExitCode;
  };
  expect(await exitCode(NEW, 'ghost')).toBe(127);
  expect(await exitCode(NEW, '/etc')).toBe(126);
  expect(await exitCode(NEW, '/etc/passwd/x')).toBe(127);
  expect(await exitCode(OLD, 'ghost')).toBe(126);
});

test('a terminal size that is none is named', async () => {
  const resize = async (version: string, query: string) =>
    (await post(`${version}/containers/busy/resize?${query}`, {})).json.message;
  expect(await resize(NEW, 'h=tall&w=3')).toBe('invalid resize height "tall": invalid syntax');
  expect(await resize(NEW, 'h=3&w=-1')).toBe('invalid resize width "-1": value out of range');
  expect(await resize(NEW, 'h=4294967296&w=1')).toContain('value out of range');
  expect(await resize(OLD, 'h=tall&w=3')).toContain('strconv.Atoi');
});

test("files of a copy that keeps ids are the container's user's", () => {
  docker('create', '--name', 'owned', '-u', '7:8', 'bb', 'true');
  docker('create', '--name', 'ghostly', '-u', 'ghost', 'bb', 'true');
  docker('cp', '-a', '/etc/hostname', 'owned:/tmp/kept');
  docker('cp', '/etc/hostname', 'owned:/tmp/plain');
  docker('commit', 'owned', 'owned');
  expect(docker('run', '--rm', 'owned', 'stat', '-c', '%u:%g', '/tmp/kept', '/tmp/plain')).toBe('7:8\n0:0');
  expect(daemon.docker(['cp', '-a', '/etc/hostname', 'ghostly:/tmp/x']).stderr).toContain(
    'unable to find user ghost',
  );
});

test('interfaces have the names that are asked for', () => {
  const option = (name: string) => `driver-opt=com.docker.network.endpoint.ifname=${name}`;
  docker('network', 'create', 'one');
  docker('network', 'create', 'two');
  sleeper('named', '--network', `name=one,${option('up0')}`);
  docker('network', 'connect', '--driver-opt', 'com.docker.network.endpoint.ifname=eth7', 'two', 'named');
  const names = () =>
    docker('exec', 'named', 'ls', '/sys/class/net')
      .split('\n')
      .filter((name) => !/^(lo|tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0)$/.test(name));
  expect(names()).toEqual(['eth7', 'up0']);
  docker('restart', '-t', '0', 'named');
  expect(names()).toEqual(['eth7', 'up0']);
  const refused = (name: string) =>
    daemon.docker(['run', '--rm', '--network', `name=one,${option(name)}`, 'bb', 'true']).stderr;
  expect(refused('a/b')).toContain('"a/b" cannot be the name of an interface');
  expect(refused('longer-than-the-kernel')).toContain('cannot be the name of an interface');
});

test('a network in use says by whom', async () => {
  const remove = async (version: string) =>
    (await daemon.call('DELETE', `${version}/networks/two`)).json.message;
  expect(await remove(NEW)).toMatch(
    /^error while removing network: network two has active endpoints \(name:"named" id:"[0-9a-f]{12}"\)$/,
  );
  expect(await remove(OLD)).toMatch(/network two id [0-9a-f]{64} has active endpoints$/);
});

test('a subnet may be asked for by its size alone; an isolated network has no gateway', async () => {
  const create = (name: string, body: object) => post(`${NEW}/networks/create`, { Name: name, ...body });
  const sized = await create('sized', {
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '0.0.0.0/28' }, { Subnet: '::/100' }] },
  });
  expect(sized.status).toBe(201);
  const subnets = (name: string) => JSON.parse(docker('network', 'inspect', name))[0].IPAM.Config;
  expect(subnets('sized')).toEqual([
    { Subnet: expect.stringMatching(/\/28$/), Gateway: expect.stringMatching(/^\d/) },
    { Subnet: expect.stringMatching(/\/100$/), Gateway: expect.stringMatching(/^fd/) },
  ]);
  expect((await create('huge', { IPAM: { Config: [{ Subnet: '0.0.0.0/4' }] } })).json.message).toContain(
    'no address pool of the daemon is as large as 0.0.0.0/4',
  );
  await create('cell', {
    Internal: true,
    Options: { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' },
  });
  expect(subnets('cell')).toEqual([{ Subnet: expect.stringMatching(/^172\./) }]);
  expect(docker('run', '--rm', '--network', 'cell', 'bb', 'ip', 'route')).not.toContain('default');
});

test('links bring no variables, nameless volumes of Mounts are marked as anonymous', async () => {
  sleeper('linked');
  const create = async (version: string, name: string) =>
    post(`${version}/containers/create?name=${name}`, {
      Image: 'bb',
      Cmd: ['env'],
      HostConfig: { Links: ['linked:other'], Mounts: [{ Type: 'volume', Target: '/v' }] },
    });
  const labels = (name: string) => {
    const [{ Name }] = JSON.parse(docker('inspect', '-f', '{{json .Mounts}}', name));
    return JSON.parse(docker('volume', 'inspect', Name))[0].Labels;
  };
  await create(NEW, 'newer');
  await create(OLD, 'older');
  expect(docker('start', '-a', 'newer')).not.toContain('OTHER_NAME');
  expect(docker('start', '-a', 'older')).toContain('OTHER_NAME=/older/other');
  expect(labels('newer')).toEqual({ 'com.docker.volume.anonymous': '' });
  expect(labels('older')).toBeNull();
  docker('rm', '-v', 'newer', 'older');
});

test('endpoints have sysctls of their own and a priority as gateway; a network may be without IPv4', async () => {
  const create = async (name: string, body: object) =>
    expect((await post(`${NEW}/networks/create`, { Name: name, ...body })).status).toBe(201);
  await create('first', {});
  await create('second', {});
  await create('sixth', { EnableIPv4: false, EnableIPv6: true });
  const sysctls = 'net.ipv4.conf.IFNAME.log_martians=1';
  const run = async (name: string, priority: number) => {
    const created = await post(`${NEW}/containers/create?name=${name}`, {
      Image: 'bb',
      Cmd: ['sh', '-c', 'ip route; cat /proc/sys/net/ipv4/conf/eth*/log_martians'],
      NetworkingConfig: {
        EndpointsConfig: {
          first: { DriverOpts: { 'com.docker.network.endpoint.sysctls': sysctls } },
          second: { GwPriority: priority },
        },
      },
    });
    expect(created.status).toBe(201);
    return docker('start', '-a', name);
  };
  const gateway = (name: string) => JSON.parse(docker('network', 'inspect', name))[0].IPAM.Config[0].Gateway;
  const low = await run('low', -1);
  const high = await run('high', 1);
  expect(low).toContain(`default via ${gateway('first')} `);
  expect(high).toContain(`default via ${gateway('second')} `);
  expect(high.split('\n').slice(-2).sort()).toEqual(['0', '1']);
  const { json } = await daemon.call('GET', `${NEW}/networks/sixth`);
  expect([json.EnableIPv4, json.IPAM.Config.length]).toEqual([false, 1]);
  expect((await daemon.call('GET', `${OLD}/networks/sixth`)).json).not.toHaveProperty('EnableIPv4');
  const addresses = docker(
    'run',
    '--rm',
    '--network',
    'sixth',
    'bb',
    'ip',
    '-4',
    'addr',
    'show',
    'dev',
    'eth0',
  );
  expect(addresses).toBe('');
});

test('cgroups are to be written where that is asked for', () => {
  const make = (...options: string[]) =>
    daemon.docker(['run', '--rm', ...options, 'bb', 'mkdir', '/sys/fs/cgroup/inner']).status;
  expect(make('--security-opt', 'writable-cgroups=true')).toBe(0);
  expect(make('--security-opt', 'writable-cgroups=false')).toBe(1);
  expect(make()).toBe(1);
});

test('an address may be asked for in a subnet that the pools gave', async () => {
  docker('network', 'create', 'pooled');
  const subnet: string = JSON.parse(docker('network', 'inspect', 'pooled'))[0].IPAM.Config[0].Subnet;
  const IPv4Address = subnet.replace(/\d+\/\d+$/, '77');
  const body = (address: string) => ({
    Image: 'bb',
    Cmd: ['ip', '-4', '-o', 'addr', 'show', 'eth0'],
    HostConfig: { NetworkMode: 'pooled' },
    NetworkingConfig: { EndpointsConfig: { pooled: { IPAMConfig: { IPv4Address: address } } } },
  });
  const older = await post(`/v1.51/containers/create`, body(IPv4Address));
  expect([older.status, older.json.message]).toEqual([
    400,
    expect.stringContaining('user configured subnets'),
  ]);
  const elsewhere = await post(`${NEW}/containers/create`, body('9.9.9.9'));
  expect(elsewhere.json.message).toContain('no configured subnet contains IP address 9.9.9.9');
  expect((await post(`${NEW}/containers/create?name=asking`, body(IPv4Address))).status).toBe(201);
  expect(docker('start', '-a', 'asking')).toContain(`inet ${IPv4Address}/`);
});
