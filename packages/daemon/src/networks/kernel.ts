import type { LaunchRecord } from '@berth/native';
import type { NetWorker } from '@berth/native/net.ts';
import { formatPrefix, parsePrefix } from './addresses/addresses.ts';
import { prefixLength, subnetFor } from './addresses/pools.ts';
import { BRIDGE, IPVLAN_FLAGS, IPVLAN_MODES, MACVLAN_MODES, MTU, parseBool } from './model/options.ts';
import type { LiveEndpoint, NetworkRecord } from './model/records.ts';

/** The boolean of a bridge option. */
export function flag(record: NetworkRecord, key: string, otherwise: boolean): boolean {
  const value = record.options[BRIDGE + key];
  return value === undefined ? otherwise : (parseBool(value) ?? otherwise);
}

/** Bytes of a network's packets at most: its own option, else `fallback`, else 1500 (Ethernet's). */
export function mtuOf(record: NetworkRecord, fallback: number): number {
  return Number(record.options[MTU]) || fallback || 1500;
}

/** How a network's packets get out: translated, routed as they are, or not at all. */
export function gatewayMode(
  record: NetworkRecord,
  family: 4 | 6,
): 'nat' | 'nat-unprotected' | 'routed' | 'isolated' {
  const mode = record.options[`${BRIDGE}gateway_mode_ipv${family}`];
  return (mode || 'nat') as ReturnType<typeof gatewayMode>;
}

/**
 * Whether a new network keeps no address for a gateway: none of its packets leave through one. `givenGateways`: nor does a
 * macvlan or ipvlan network, whose gateway is a machine outside that the daemon cannot know.
 */
export function needsNoGateway(record: NetworkRecord, family: 4 | 6, givenGateways: boolean): boolean {
  if (record.driver !== 'bridge') return givenGateways;
  if (!record.internal) return false;
  return (
    gatewayMode(record, family) === 'isolated' ||
    (givenGateways && family === 4 && flag(record, 'inhibit_ipv4', false))
  );
}

/** The address of the host on a network's bridge, of each family that has one. */
function bridgeAddresses(record: NetworkRecord): string[] {
  return record.subnets
    .filter(({ subnet }) => subnet.includes(':') || !flag(record, 'inhibit_ipv4', false))
    .filter(
      ({ subnet }) => !(record.internal && gatewayMode(record, subnet.includes(':') ? 6 : 4) === 'isolated'),
    )
    .filter(({ gateway }) => gateway !== '')
    .map(({ subnet, gateway }) => `${gateway}/${subnet.split('/')[1]}`);
}

/** The bridge's addresses of other subnets or settings: the default network's may differ from start to start. */
export async function staleAddresses(worker: NetWorker, record: NetworkRecord): Promise<string[]> {
  const wanted = new Set(bridgeAddresses(record).map((address) => formatPrefix(parsePrefix(address)!)));
  const [result] = await worker.call(['addresses', record.link]);
  return result!.rows
    .map(([, cidr]) => cidr!)
    .filter((cidr) => !cidr.startsWith('fe80:') && !wanted.has(formatPrefix(parsePrefix(cidr)!)));
}

/** The operation that makes a network's bridge. `stale`: addresses to take from it. */
export function bridgeOperation(
  record: NetworkRecord,
  mtu: number,
  stale: readonly string[] = [],
): LaunchRecord {
  return [
    'bridge',
    record.link,
    `mtu=${mtuOf(record, mtu)}`,
    `mac=${record.mac}`,
    `ipv6=${record.ipv6 ? 1 : 0}`,
    `private=${flag(record, 'enable_icc', true) ? 0 : 1}`,
    ...stale.map((address) => `stale=${address}`),
    ...bridgeAddresses(record).map((address) => `address=${address}`),
  ];
}

/** The operations that make what a macvlan or ipvlan network needs on the host: a VLAN interface, or a parent of its own. */
export function parentOperations(record: NetworkRecord): LaunchRecord[] {
  const parent = record.options['parent'] ?? '';
  const vlan = /^(.+)\.(\d{1,4})$/.exec(parent);
  if (vlan) return [['link', parent, 'kind=vlan', `parent=${vlan[1]}`, `vlan=${vlan[2]}`]];
  if (!parent) return [['link', record.link, 'kind=dummy']];
  return [];
}

/**
 * The operation that makes one endpoint. `sandbox` is its id, or a path of a running container's namespace. `hairpin`
 * lets a container reach its own published ports where the bridge's frames pass the firewall (br_netfilter).
 */
export function endpointOperation(
  sandbox: string,
  record: NetworkRecord,
  endpoint: LiveEndpoint,
  options: { mtu: number; icc: boolean; hairpin: boolean; linkLocal: string[]; sysctls: string[] },
): LaunchRecord {
  const { driver } = record;
  const operation = ['endpoint', sandbox, `name=${endpoint.interface}`];
  if (driver === 'bridge') {
    operation.push('kind=veth', `bridge=${record.link}`, `host=${endpoint.host}`);
    operation.push(`mtu=${mtuOf(record, options.mtu)}`, `isolated=${options.icc ? 0 : 1}`);
    if (options.hairpin) operation.push('hairpin=1');
  } else {
    const modes = driver === 'macvlan' ? MACVLAN_MODES : IPVLAN_MODES;
    const mode = record.options[`${driver}_mode`] || (driver === 'macvlan' ? 'bridge' : 'l2');
    operation.push(`kind=${driver}`, `parent=${record.link}`, `mode=${modes[mode]}`);
    if (driver === 'ipvlan')
      operation.push(`flags=${IPVLAN_FLAGS[record.options['ipvlan_flag'] || 'bridge']}`);
    if (record.options[MTU]) operation.push(`mtu=${record.options[MTU]}`);
  }
  if (driver !== 'ipvlan') operation.push(`mac=${endpoint.mac}`);
  const six = endpoint.ipv6 !== '' || options.linkLocal.some((address) => address.includes(':'));
  operation.push(`ipv6=${six ? 1 : 0}`);
  if (endpoint.ipv4) operation.push(`address=${endpoint.ipv4}/${prefixLength(subnetFor(record, 4))}`);
  if (endpoint.ipv6) operation.push(`address=${endpoint.ipv6}/${prefixLength(subnetFor(record, 6))}`);
  // The prefixes that the link-local ranges have.
  for (const address of options.linkLocal)
    operation.push(`address=${address}/${address.includes(':') ? 64 : 16}`);
  operation.push(...options.sysctls.map((line) => `sysctl=${line}`));
  return operation as unknown as LaunchRecord;
}

/** The gateway that an endpoint of this network offers a container, '' for none; `direct`: a route without gateway. */
export function gatewayOf(
  record: NetworkRecord,
  family: 4 | 6,
): { address: string; direct: boolean } | undefined {
  const subnet = subnetFor(record, family);
  if (!subnet || record.internal) return undefined;
  if (record.driver === 'ipvlan' && (record.options['ipvlan_mode'] || 'l2') !== 'l2')
    return { address: '', direct: true };
  if (record.driver === 'bridge' && gatewayMode(record, family) === 'isolated') return undefined;
  const address = record.defaultGateway?.[family] ?? subnet.gateway;
  return address === '' ? undefined : { address, direct: false };
}
