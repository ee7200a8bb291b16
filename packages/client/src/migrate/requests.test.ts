import type { DockerContainer, DockerNetwork } from './docker-root.ts';
import { containerBody, containerName, inOrder, networkBody, networkObstacle } from './requests.ts';

// The bodies of creates, made of what dockerd 26.1 has in its files.

const network = (parts: Partial<DockerNetwork>): DockerNetwork => ({
  name: 'net1',
  networkType: 'bridge',
  scope: 'local',
  ...parts,
});

test.each<[Partial<DockerNetwork>, string | undefined]>([
  [{}, undefined],
  [{ networkType: 'macvlan', ipamType: 'default' }, undefined],
  [{ networkType: 'overlay' }, 'it belongs to a swarm, and Berth has none'],
  [{ scope: 'swarm' }, 'it belongs to a swarm, and Berth has none'],
  [{ ipamType: 'infoblox' }, 'its addresses come from the plugin infoblox'],
  [{ networkType: 'weave' }, 'its driver weave is not supported'],
  [{ configOnly: true }, 'networks of configuration-only networks are not supported'],
])('a network of %j: %s', (parts, why) => {
  expect(networkObstacle(network(parts))).toBe(why);
});

test('a network keeps its subnets, options and labels', () => {
  const body = networkBody(
    network({
      internal: true,
      labels: { l: '1' },
      generic: { 'com.docker.network.generic': { parent: 'eth0' } },
      ipamV4Config: JSON.stringify([
        {
          PreferredPool: '10.1.0.0/24',
          SubPool: '10.1.0.128/25',
          Gateway: '10.1.0.1',
          AuxAddresses: { a: '10.1.0.9' },
        },
        { PreferredPool: '' },
      ]),
      ipamV6Config: 'null',
    }),
  );
  expect(body).toMatchObject({
    Name: 'net1',
    Driver: 'bridge',
    Internal: true,
    EnableIPv6: false,
    Labels: { l: '1' },
    Options: { parent: 'eth0' },
    IPAM: {
      Config: [
        {
          Subnet: '10.1.0.0/24',
          IPRange: '10.1.0.128/25',
          Gateway: '10.1.0.1',
          AuxiliaryAddresses: { a: '10.1.0.9' },
        },
      ],
    },
  });
});

const ID = '1'.repeat(64);
const OTHER = '2'.repeat(64);
function container(parts: Record<string, unknown> = {}): DockerContainer {
  return { ID, Name: '/web', Config: {}, HostConfig: {}, State: {}, ...parts } as unknown as DockerContainer;
}
const bodyOf = (parts: Record<string, unknown>) =>
  containerBody(container(parts), 'mine:1', new Map([[OTHER, 'other']])) as {
    Hostname?: string;
    MacAddress?: string;
    HostConfig: Record<string, unknown>;
    NetworkingConfig: { EndpointsConfig: Record<string, Record<string, unknown>> };
  };

test('a name and a host name that were made of the id are made anew', () => {
  expect(containerName(container())).toBe('web');
  expect(bodyOf({ Config: { Hostname: ID.slice(0, 12) } }).Hostname).toBe('');
  expect(bodyOf({ Config: { Hostname: 'mail' } }).Hostname).toBe('mail');
});

test('namespaces of another container are named by its name, as it has a new id', () => {
  const { HostConfig } = bodyOf({
    HostConfig: {
      NetworkMode: `container:${OTHER}`,
      PidMode: `container:${'3'.repeat(64)}`,
      IpcMode: 'private',
    },
  });
  expect(HostConfig).toMatchObject({
    NetworkMode: 'container:other',
    PidMode: `container:${'3'.repeat(64)}`,
    IpcMode: 'private',
  });
});

test('anonymous volumes are mounted by their names, those that a bind or mount has are not twice', () => {
  const volume = (Name: string, Destination: string, RW = true) => ({
    Type: 'volume',
    Name,
    Destination,
    RW,
  });
  const { HostConfig } = bodyOf({
    HostConfig: { Binds: ['data:/data'], Mounts: [{ Target: '/mounted' }] },
    MountPoints: {
      '/data': volume('data', '/data'),
      '/mounted': volume('m', '/mounted'),
      '/v': volume('a'.repeat(64), '/v'),
      '/r': volume('b'.repeat(64), '/r', false),
      '/b': { Type: 'bind', Name: '', Destination: '/b', RW: true },
    },
  });
  expect(HostConfig['Binds']).toEqual(['data:/data', `${'a'.repeat(64)}:/v`, `${'b'.repeat(64)}:/r:ro`]);
});

test('endpoints have what the user gave, and nothing that dockerd found', () => {
  const { NetworkingConfig } = bodyOf({
    HostConfig: { NetworkMode: 'net1' },
    NetworkSettings: {
      Networks: {
        bridge: { IPAddress: '172.17.0.2' },
        net1: {
          IPAMConfig: { IPv4Address: '10.1.0.9' },
          Aliases: ['db', ID.slice(0, 12)],
          IPAddress: '10.1.0.9',
          MacAddress: '02:42:0a:01:00:09',
        },
      },
    },
  });
  expect(NetworkingConfig.EndpointsConfig).toEqual({
    net1: {
      IPAMConfig: { IPv4Address: '10.1.0.9' },
      Links: null,
      Aliases: ['db'],
      DriverOpts: null,
      MacAddress: '',
    },
  });
});

test('a MAC address that the user gave is the endpoint’s, wherever dockerd kept it', () => {
  const mac = '02:42:aa:bb:cc:01';
  const of = (HostConfig: object, Config: object, Networks: object) => {
    const body = bodyOf({ HostConfig, Config, NetworkSettings: { Networks } });
    expect(body.MacAddress).toBeUndefined();
    return Object.entries(body.NetworkingConfig.EndpointsConfig).map(([name, { MacAddress }]) => [
      name,
      MacAddress,
    ]);
  };
  // From API 1.44 on it is the endpoint's; before, the container's.
  expect(of({ NetworkMode: 'net1' }, {}, { net1: { DesiredMacAddress: mac } })).toEqual([['net1', mac]]);
  expect(of({ NetworkMode: 'net1' }, { MacAddress: mac }, { net1: {}, net2: {} })).toEqual([
    ['net1', mac],
    ['net2', ''],
  ]);
  expect(of({ NetworkMode: 'default' }, { MacAddress: mac }, { bridge: {} })).toEqual([['bridge', mac]]);
  expect(of({ NetworkMode: 'default' }, {}, { bridge: { MacAddress: mac } })).toEqual([]);
});

test('one that shares namespaces is made after their owner, and a circle of them ends', () => {
  const a = container({ ID: 'a', HostConfig: { NetworkMode: 'container:b' } });
  const b = container({ ID: 'b', HostConfig: { PidMode: 'container:c' } });
  const c = container({ ID: 'c', HostConfig: { IpcMode: 'container:a' } });
  expect(inOrder([a, b, c]).map(({ ID: id }) => id)).toEqual(['c', 'b', 'a']);
});
