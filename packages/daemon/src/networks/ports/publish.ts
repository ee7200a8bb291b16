import type { LaunchRecord } from '@berth/native';
import { NetError } from '@berth/native/net.ts';
import { type BerthError, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import type { FirewallPort } from '../firewall/state.ts';
import { gatewayMode } from '../kernel.ts';
import type { Context, HeldSocket } from '../model/context.ts';
import { firstByGatewayOrder } from '../model/gateway-order.ts';
import { BRIDGE } from '../model/options.ts';
import type { ContainerRecord, LiveEndpoint, LivePort, NetworkRecord } from '../model/records.ts';
import { bindingAddresses, byUrgency, type PortWish, portMap, portWishes } from './ports.ts';

/** The targets of connections to a container's published ports. */
export interface PortTarget {
  network: NetworkRecord;
  endpoint: LiveEndpoint;
}

/**
 * The endpoint that published ports lead to: the one of the first bridge network with a way out, in the order in which
 * default gateways are chosen; undefined when there is none (then ports stay unpublished, as with dockerd).
 */
export function portTarget(context: Context, record: ContainerRecord): PortTarget | undefined {
  const candidates: PortTarget[] = [];
  for (const endpoint of record.live?.endpoints ?? []) {
    const network = context.catalogue.find(endpoint.networkId);
    if (network?.driver === 'bridge' && !network.internal) candidates.push({ network, endpoint });
  }
  return firstByGatewayOrder(record, candidates);
}

const isSix = (address: string) => address.includes(':');
const keyOf = ({ protocol, hostIp, hostPort }: LivePort) => `${protocol} ${hostIp} ${hostPort}`;

/** The ports of a container that the kernel's firewall serves, and those it leaves to the listener. */
export function firewallPorts(context: Context, record: ContainerRecord): FirewallPort[] {
  const target = portTarget(context, record);
  if (!target) return [];
  return (record.live?.ports ?? []).flatMap(({ protocol, hostIp, hostPort, containerPort }) => {
    const address = isSix(hostIp) ? target.endpoint.ipv6 : target.endpoint.ipv4;
    return address || isSix(hostIp) ? [{ protocol, hostIp, hostPort, address, port: containerPort }] : [];
  });
}

/** Records for the supervisor's listeners. SCTP has none: the firewall alone carries it. */
export function portRecords(context: Context, record: ContainerRecord): LaunchRecord[] {
  const { endpoint } = portTarget(context, record) ?? {};
  if (!endpoint) return [];
  const sockets = new Map(context.sockets.get(record.request.id)?.map(({ key, fd }) => [key, fd]));
  return (record.live?.ports ?? []).flatMap((port): LaunchRecord[] => {
    if (port.protocol === 'sctp') return [];
    const address = (isSix(port.hostIp) ? endpoint.ipv6 : endpoint.ipv4) || endpoint.ipv4 || endpoint.ipv6;
    const fd = sockets.get(keyOf(port));
    const taken = fd === undefined ? [] : [String(context.worker.pid), fd];
    return [
      [
        'port',
        port.protocol,
        port.hostIp,
        String(port.hostPort),
        address,
        String(port.containerPort),
        ...taken,
      ],
    ];
  });
}

/** The records by which the launcher closes the sockets of published ports; SCTP has none. */
export const closeRecords = (ports: readonly LivePort[]): LaunchRecord[] =>
  ports
    .filter(({ protocol }) => protocol !== 'sctp')
    .map(({ protocol, hostIp, hostPort }) => ['port-close', protocol, hostIp, String(hostPort)]);

/**
 * Takes the ports that a container wants published: in our own table, and by a socket bound on the host. `record.live`
 * holds its endpoints already.
 * @throws system with dockerd's words for a port that can't be had; nothing is taken then.
 */
export async function takePorts(context: Context, record: ContainerRecord): Promise<LivePort[]> {
  const target = portTarget(context, record);
  const wishes = portWishes(record.request);
  if (!target || wishes.length === 0) return [];
  const taken = new Map<PortWish, LivePort[]>();
  try {
    for (const wish of byUrgency(wishes)) taken.set(wish, await takePort(context, record, wish, target));
  } catch (error) {
    await releasePorts(context, record.request.id, [...taken.values()].flat());
    throw notConnected(record, target.endpoint, error as Error);
  }
  return wishes.flatMap((wish) => taken.get(wish) ?? []);
}

function notConnected({ request }: ContainerRecord, endpoint: LiveEndpoint, cause: Error): BerthError {
  return systemError(
    `driver failed programming external connectivity on endpoint ${request.name} (${endpoint.endpointId}): ${cause.message}`,
    cause,
  );
}

/** The addresses of the host on which a wish is served. */
function addressesFor(context: Context, wish: PortWish, { network, endpoint }: PortTarget): string[] {
  const fallback = network.options[`${BRIDGE}host_binding_ipv4`] || context.settings.ip;
  return bindingAddresses(wish.hostIp, fallback).filter((address) => {
    const family = isSix(address) ? 6 : 4;
    if (gatewayMode(network, family) === 'routed') return false;
    // A container without IPv6 is reached by the listener alone.
    return family === 6 ? endpoint.ipv6 !== '' || context.settings.userlandProxy : endpoint.ipv4 !== '';
  });
}

async function takePort(
  context: Context,
  { request }: ContainerRecord,
  wish: PortWish,
  target: PortTarget,
): Promise<LivePort[]> {
  const addresses = addressesFor(context, wish, target);
  const { protocol, containerPort } = wish;
  const fixed = wish.from === wish.to && wish.from > 0;
  let failure: Error = systemError('all ports are allocated');
  for (const hostPort of context.ports.candidates(wish)) {
    const ports = addresses.map((hostIp): LivePort => ({ protocol, containerPort, hostIp, hostPort }));
    const refused = await bindAll(context, request.id, ports);
    if (!refused) return ports;
    if (fixed || !refused.retry) failure = refused.error;
    if (!refused.retry) break;
  }
  throw failure;
}

interface Refusal {
  error: Error;
  /** Another port may do. */
  retry: boolean;
}

/** All of one port's addresses or none. */
async function bindAll(context: Context, id: string, ports: LivePort[]): Promise<Refusal | undefined> {
  const done: LivePort[] = [];
  let refused: Refusal | undefined;
  for (const port of ports) {
    refused = await bindOne(context, id, port);
    if (refused) break;
    done.push(port);
  }
  if (refused) await releasePorts(context, id, done);
  return refused;
}

const EADDRINUSE = 98;
const REASONS: Record<number, string> = {
  13: 'permission denied',
  97: 'address family not supported by protocol',
  [EADDRINUSE]: 'address already in use',
  99: 'cannot assign requested address',
};

async function bindOne(context: Context, id: string, port: LivePort): Promise<Refusal | undefined> {
  const { ports, sockets } = context;
  const { protocol, hostIp, hostPort } = port;
  const shown = isSix(hostIp) ? `[${hostIp}]` : hostIp;
  if (!ports.take(protocol, hostIp, hostPort, id))
    return {
      error: systemError(`Bind for ${shown}:${hostPort} failed: port is already allocated`),
      retry: true,
    };
  if (protocol === 'sctp') return undefined;
  try {
    const fd = await listen(context, port);
    const held: HeldSocket[] = sockets.get(id) ?? [];
    held.push({ key: keyOf(port), fd });
    sockets.set(id, held);
    return undefined;
  } catch (error) {
    ports.free(protocol, hostIp, hostPort, id);
    if (!(error instanceof NetError)) throw error;
    const reason = REASONS[error.errno] ?? error.message;
    const family = isSix(hostIp) ? 6 : 4;
    const text = `Error starting userland proxy: listen ${protocol}${family} ${shown}:${hostPort}: bind: ${reason}`;
    return { error: systemError(text, error), retry: error.errno === EADDRINUSE };
  }
}

/** Binds; a port that one of our containers gave back this moment may still be held by its supervisor for an instant. */
async function listen({ worker, ports }: Context, port: LivePort): Promise<string> {
  const operation: LaunchRecord = ['listen', port.protocol, port.hostIp, String(port.hostPort)];
  for (let attempt = 0; ; attempt++) {
    try {
      const [result] = await worker.call(operation);
      return result!.values[0]!;
    } catch (error) {
      const again = error instanceof NetError && error.errno === EADDRINUSE && ports.justFreed(port.hostPort);
      if (!again || attempt >= 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Gives ports back, in the table and on the host. The firewall is the caller's. */
export async function releasePorts(context: Context, id: string, ports: readonly LivePort[]): Promise<void> {
  const keys = new Set(ports.map(keyOf));
  const held = context.sockets.get(id) ?? [];
  const closing = held.filter(({ key }) => keys.has(key));
  const rest = held.filter(({ key }) => !keys.has(key));
  if (rest.length > 0) context.sockets.set(id, rest);
  else context.sockets.delete(id);
  for (const { protocol, hostIp, hostPort } of ports) context.ports.free(protocol, hostIp, hostPort, id);
  const operations = operationsOf(
    'close',
    closing.map(({ fd }) => fd),
  );
  if (operations.length > 0)
    await context.worker
      .call(...operations)
      .catch((error) => log.debug({ err: error }, 'sockets of published ports were left'));
}

/**
 * Makes the kernel forget the datagrams' flows to ports that came or went: a client that goes on sending would keep its
 * old translation. The firewall has been changed before.
 */
export async function forgetFlows(
  { worker }: Context,
  ports: readonly LivePort[],
  endpoints: readonly LiveEndpoint[],
): Promise<void> {
  const numbers = new Set(ports.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort));
  if (numbers.size === 0) return;
  const addresses = endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((address) => address));
  const words = [
    ...addresses.map((address) => `address=${address}`),
    ...[...numbers].map((port) => `udp=${port}`),
  ];
  try {
    // One call for each record, so that those of others come between: the kernel goes through its whole table for each port.
    for (const operation of operationsOf('forget', words)) await worker.call(operation);
  } catch (error) {
    log.debug({ err: error }, 'tracked flows were left');
  }
}

/** One operation of the network worker with any number of words, as several: a record has room for 255 strings. */
export function operationsOf(name: string, words: readonly string[]): LaunchRecord[] {
  const records: LaunchRecord[] = [];
  for (let at = 0; at < words.length; at += 200) records.push([name, ...words.slice(at, at + 200)]);
  return records;
}

/** The API's map of a container's ports while it runs. */
export function shownPorts(context: Context, record: ContainerRecord, ports: readonly LivePort[]) {
  return portTarget(context, record) ? portMap(record.request, ports) : {};
}
