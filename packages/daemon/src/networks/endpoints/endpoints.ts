import { randomBytes } from 'node:crypto';
import { type BerthError, invalidParameter } from '../../base/errors.ts';
import { contains, parseAddress, parseMac, parsePrefix } from '../addresses/addresses.ts';
import type { EndpointSettings, NetworkRequest } from '../api.ts';
import { gatewayOf } from '../kernel.ts';
import { firstByGatewayOrder } from '../model/gateway-order.ts';
import { hasNames } from '../model/inspect.ts';
import { complaints } from '../model/options.ts';
import type { ContainerRecord, EndpointConfig, LiveEndpoint, NetworkRecord } from '../model/records.ts';

export type Find = (reference: string) => NetworkRecord | undefined;

/** The members of EndpointSettings that a client sets. */
export function endpointConfig(given: Partial<EndpointSettings>): EndpointConfig {
  return {
    IPAMConfig: given.IPAMConfig ?? null,
    Links: given.Links ?? null,
    Aliases: given.Aliases ?? null,
    DriverOpts: given.DriverOpts ?? null,
    GwPriority: given.GwPriority ?? 0,
    MacAddress: given.MacAddress ?? '',
  };
}

/**
 * The networks of a container as its create asked for them: the one of the mode first. Names and ids that are known
 * become names; unknown ones stay (the start will fail).
 */
export function configuredNetworks(request: NetworkRequest, find: Find): ContainerRecord['configured'] {
  // Without a default bridge (`--bridge=none`) the default is to have no network.
  const usual = find('bridge') ? 'bridge' : 'none';
  const nameOf = (reference: string) =>
    reference === 'default' || reference === 'bridge' ? usual : (find(reference)?.name ?? reference);
  const main = nameOf(request.mode);
  const given = new Map<string, Partial<EndpointSettings>>();
  for (const [reference, endpoint] of Object.entries(request.endpoints ?? {}))
    given.set(nameOf(reference), endpoint ?? {});
  // Endpoints that are given are all there is; the mode's network is first if it is one of them.
  const others = [...given.keys()].filter((name) => name !== main).sort();
  const names = given.size === 0 || given.has(main) ? [main, ...others] : others;
  return names.map((network) => {
    const config = endpointConfig(given.get(network) ?? {});
    if (network === main) {
      if (request.macAddress && !config.MacAddress) config.MacAddress = request.macAddress;
      if (request.links?.length && network !== 'bridge')
        config.Links = [...new Set([...(config.Links ?? []), ...request.links])];
    }
    return { network, config, networkId: '' };
  });
}

/**
 * dockerd's objection to an endpoint's settings on that network; undefined: none. A network given by its name alone is not
 * there: its start tells, but what no network of that name can have is an error now.
 */
export function checkEndpoint(
  network: NetworkRecord | string,
  config: EndpointConfig,
  { anySubnet = false }: Pick<NetworkRequest, 'anySubnet'>,
): BerthError | undefined {
  if (config.MacAddress && !parseMac(config.MacAddress))
    return invalidParameter(`invalid MAC address ${config.MacAddress}`);
  const wrong: string[] = [];
  const { IPv4Address = '', IPv6Address = '', LinkLocalIPs } = config.IPAMConfig ?? {};
  const known = typeof network === 'string' ? undefined : network;
  const named = typeof network === 'string' ? !network.startsWith('container:') : hasNames(network);
  if ((IPv4Address || IPv6Address) && !named)
    wrong.push('user specified IP address is supported on user defined networks only');
  if (config.Aliases?.length && !named)
    wrong.push('network-scoped alias is supported only for containers in user defined networks');
  if (IPv4Address && !isUsable(IPv4Address, 32)) wrong.push(`invalid IPv4 address: ${IPv4Address}`);
  if (IPv6Address && !isUsable(IPv6Address, 128)) wrong.push(`invalid IPv6 address: ${IPv6Address}`);
  for (const address of LinkLocalIPs ?? [])
    if (!isUsable(address)) wrong.push(`invalid link-local IP address: ${address}`);
  if (IPv4Address && known) wrong.push(...checkStatic(known, IPv4Address, 32, anySubnet));
  if (IPv6Address && known) wrong.push(...checkStatic(known, IPv6Address, 128, anySubnet));
  const asked = askedName(config);
  if (asked !== '' && (!isInterfaceName(asked) || asked === 'lo'))
    wrong.push(`${IFNAME}: ${JSON.stringify(asked)} cannot be the name of an interface`);
  if (wrong.length === 0) endpointSysctls(config, 'eth0');
  return complaints('invalid endpoint settings:', [...new Set(wrong)]);
}

/** Whether an address can be an interface's, and is of that family: an IPv4-mapped one is an IPv4 address, as for Go. */
function isUsable(text: string, bits?: number): boolean {
  const address = parseAddress(text);
  if (!address || address.value === 0n) return false;
  const isMapped = address.bits === 128 && address.value >> 32n === 0xffffn;
  if (isMapped && (address.value & 0xffffffffn) === 0n) return false;
  return bits === undefined || (address.bits === bits && !isMapped);
}

function checkStatic(network: NetworkRecord, text: string, bits: number, anySubnet: boolean): string[] {
  const subnets = network.subnets
    .filter((subnet) => anySubnet || subnet.asked)
    .map(({ subnet }) => parsePrefix(subnet)!)
    .filter((subnet) => subnet.bits === bits);
  if (subnets.length === 0 && !anySubnet)
    return [
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    ];
  const address = parseAddress(text);
  if (address && subnets.some((subnet) => contains(subnet, address))) return [];
  return [
    anySubnet
      ? `no configured subnet contains IP address ${text}`
      : `no configured subnet or ip-range contain the IP address ${text}`,
  ];
}

const SYSCTLS = 'com.docker.network.endpoint.sysctls';

/**
 * The kernel settings of an endpoint's interface (driver option `com.docker.network.endpoint.sysctls`), as `PATH=VALUE`.
 * @throws invalid-parameter
 */
export function endpointSysctls(config: EndpointConfig, name: string): string[] {
  const lines: string[] = [];
  for (const text of (config.DriverOpts?.[SYSCTLS] ?? '').split(',').filter((part) => part !== '')) {
    const match = /^(net\.(?:ipv4|ipv6|mpls)\.(?:conf|neigh))\.IFNAME\.(\w+)=([\w .-]*)$/i.exec(text);
    if (!match) throw invalidParameter(`unable to set ${SYSCTLS}: ${text}`);
    lines.push(`${match[1]!.replaceAll('.', '/')}/${name}/${match[2]}=${match[3]}`);
  }
  return lines;
}

/** The name of a new host end of a veth pair. */
export const vethName = (): string => `veth${randomBytes(4).toString('hex').slice(0, 7)}`;

const IFNAME = 'com.docker.network.endpoint.ifname';

/** The interface name that an endpoint asks for; '' for none. */
export const askedName = (config: EndpointConfig): string => config.DriverOpts?.[IFNAME] ?? '';

/** The kernel's rule for the name of an interface; a colon or a quote would not come through. */
const isInterfaceName = (name: string): boolean =>
  /^[^\s/:"\\%*]{1,15}$/.test(name) && name !== '.' && name !== '..' && name !== 'all' && name !== 'default';

/**
 * The interface name of a new endpoint: the one it asks for, else the first that neither the container has nor another of its
 * endpoints asks for.
 * @throws invalid-parameter for one that the container has.
 */
export function interfaceName(
  network: NetworkRecord,
  config: EndpointConfig,
  taken: readonly LiveEndpoint[],
  wanted: readonly string[],
): string {
  const asked = askedName(config);
  if (asked !== '') {
    if (taken.some((endpoint) => endpoint.interface === asked))
      throw invalidParameter(`the container has an interface ${asked} already (${IFNAME})`);
    return asked;
  }
  const prefix = network.options['com.docker.network.container_iface_prefix'] || 'eth';
  for (let number = 0; ; number++) {
    const name = `${prefix}${number}`;
    if (!wanted.includes(name) && !taken.some((endpoint) => endpoint.interface === name)) return name;
  }
}

export interface Gateway {
  endpoint: LiveEndpoint;
  network: NetworkRecord;
  address: string;
}

/** The endpoint through which a container reaches the outside, for a family. */
export function defaultGateway(container: ContainerRecord, find: Find, family: 4 | 6): Gateway | undefined {
  const candidates: Gateway[] = [];
  for (const endpoint of container.live?.endpoints ?? []) {
    const network = find(endpoint.networkId);
    const gateway = network && gatewayOf(network, family);
    if (!gateway || !(family === 4 ? endpoint.ipv4 : endpoint.ipv6)) continue;
    candidates.push({ endpoint, network, address: gateway.address });
  }
  return firstByGatewayOrder(container, candidates);
}

/** The operation that sets a container's default routes. */
export function routesOperation(sandbox: string, container: ContainerRecord, find: Find) {
  const operation: [string, ...string[]] = ['routes', sandbox];
  for (const family of [4, 6] as const) {
    const gateway = defaultGateway(container, find, family);
    const has = container.live?.endpoints.some(({ ipv4, ipv6 }) => (family === 4 ? ipv4 : ipv6));
    if (!gateway && !has) continue;
    operation.push(
      `device${family}=${gateway?.endpoint.interface ?? ''}`,
      `gateway${family}=${gateway?.address ?? ''}`,
    );
  }
  return operation;
}
