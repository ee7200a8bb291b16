import { TestDaemon } from '../../support/daemon.ts';
import { Outside } from '../../support/outside.ts';
import { Peer } from '../../support/peer.ts';

export let daemon: TestDaemon;
export let outside: Outside;
export let host: Peer;
const peers: Peer[] = [];

const SUBNET = '10.198.7.0/24';
const SUBNET6 = 'fd78:7::/64';

/** Starts a daemon with a simple network and one of both families, and a host outside behind a router. */
export function withNetworks(flags: string[] = []): void {
  beforeAll(async () => {
    outside = await Outside.make();
    daemon = await TestDaemon.start(flags);
    host = await Peer.start();
    for (const server of [outside.peer, host]) {
      await server.ask('listen', { port: server === host ? 28001 : 8001 });
      await server.ask('listenUdp', { port: server === host ? 28001 : 8001 });
    }
    const both = [outside.outside4, outside.outside6];
    await outside.peer.ask('serveNames', {
      records: { 'www.example.com': ['192.0.2.7', '2001:db8::7'], 'allowed.test': both, 'other.test': both },
      host: outside.outside4,
    });
    await network('plain');
    await network('dual', {
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: SUBNET }, { Subnet: SUBNET6 }] },
    });
    outside.routeToContainers(SUBNET);
    outside.routeToContainers(SUBNET6);
  });
  afterAll(async () => {
    for (const peer of [...peers.splice(0), host]) await peer?.stop();
    await daemon?.dispose();
    await outside?.remove();
  });
}

/** Makes a network. */
export async function network(Name: string, options: Record<string, unknown> = {}): Promise<void> {
  const answer = await daemon.call('POST', '/networks/create', { Name, ...options });
  if (answer.status !== 201) throw new Error(answer.text);
}

/** A container with its addresses, and a peer in its namespace. */
export interface Box {
  id: string;
  ip: string;
  ip6: string;
  peer: Peer;
}

/** A container that sleeps, and a peer in its network namespace. `ports`: container port/protocol to host port. */
export async function box(
  name: string,
  net: string,
  ports: Record<string, string> = {},
  options: {
    config?: Record<string, unknown>;
    endpoint?: Record<string, unknown>;
    labels?: Record<string, string>;
  } = {},
): Promise<Box> {
  const PortBindings = Object.fromEntries(
    Object.entries(ports).map(([port, at]) => {
      const [, HostIp, HostPort] = /^(?:(.*):)?(\d+)$/.exec(at)!;
      return [port, [{ HostIp: HostIp ?? '', HostPort }]];
    }),
  );
  const id = await daemon.box(
    ['sleep', '1000'],
    {
      ExposedPorts: Object.fromEntries(Object.keys(ports).map((port) => [port, {}])),
      Labels: options.labels ?? {},
      HostConfig: { NetworkMode: net, PortBindings, ...options.config },
      ...(options.endpoint && { NetworkingConfig: { EndpointsConfig: { [net]: options.endpoint } } }),
    },
    name,
  );
  const { json } = await daemon.call('GET', `/containers/${id}/json`);
  const { IPAddress, GlobalIPv6Address } = json.NetworkSettings.Networks[net];
  const peer = await Peer.start(`/proc/${json.State.Pid}/ns/net`);
  peers.push(peer);
  return { id, ip: IPAddress, ip6: GlobalIPv6Address, peer };
}

/** A box with a server on port 80, TCP and UDP. */
export async function server(...args: Parameters<typeof box>): Promise<Box> {
  const made = await box(...args);
  await made.peer.ask('listen', { port: 80 });
  await made.peer.ask('listenUdp', { port: 80 });
  return made;
}

const first = (text: unknown) => String(text).split('\n')[0];
/** The source address that the server on that address sees, or the error. */
export const seen = async (from: Peer, address: string, port: number) =>
  first(await from.try('tcp', { host: address, port }));
/** Asks the name service of a container. */
export const names = (box: Box, name: string, type = 'A', tcp = false) =>
  box.peer.ask('resolve', { server: '127.0.0.11', name, type, tcp });
