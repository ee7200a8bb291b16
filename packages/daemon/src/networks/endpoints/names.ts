import { invalidParameter, systemError } from '../../base/errors.ts';
import { isIP } from '../addresses/addresses.ts';
import type { NetworkRequest } from '../api.ts';
import { parseEgress } from '../firewall/egress.ts';
import type { Context } from '../model/context.ts';
import { networkOf } from '../model/context.ts';
import { dnsNames, hasNames } from '../model/inspect.ts';
import type { ContainerRecord, LiveEndpoint, NetworkRecord } from '../model/records.ts';
import { ownNames, upstreams } from './files.ts';
import {
  editHosts,
  type HostsContent,
  hostResolvConf,
  type NameEntry,
  type ResolverChoice,
  resolverChoice,
} from './sandbox.ts';

export const EGRESS = 'berth.egress.allow';

/** All names on a network; a container's own name stands before its others. */
export function* namesOn(context: Context, network: NetworkRecord): Generator<NameEntry> {
  for (const [id, { ipv4, ipv6 }] of context.members.of(network.id)) {
    const record = context.containers.get(id);
    const entry = record?.configured.find(({ networkId }) => networkId === network.id);
    if (record && entry)
      for (const name of dnsNames(record, entry.config)) if (/^\S+$/.test(name)) yield { name, ipv4, ipv6 };
  }
}

/** Whether a container finds others by name: it is on a user-defined network. */
export function hasResolver(context: Context, record: ContainerRecord): boolean {
  return record.configured.some((entry) => hasNames(networkOf(context, entry)));
}

/** Writes the file that this container's name service follows. */
export function writeSandboxFile(context: Context, record: ContainerRecord): void {
  const { folder } = context;
  const networks = endpointsOf(record).flatMap(({ networkId }) => context.catalogue.find(networkId) ?? []);
  const named = networks.filter(hasNames);
  const choice = resolverChoice(record.request, context.settings);
  const outside = networks.some(({ internal, driver }) => !internal && driver !== 'null');
  folder.writeSandbox(record.request.id, {
    ...servers(choice, outside),
    networks: named.map(({ id }) => ({ names: folder.names(id), links: linksOn(record, id) })),
    egress: egressNames(record, networks),
    egressFrom: {
      table: context.firewall.table,
      addresses: endpointsOf(record).flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((address) => address)),
    },
  });
}

/** The links of a container's endpoint on a network. */
function linksOn(record: ContainerRecord, networkId: string): Array<[alias: string, name: string]> {
  const entry = record.configured.find((one) => one.networkId === networkId);
  return (entry?.config.Links ?? []).map(linkPair);
}

/** Servers of the container's own choice are asked from inside, the host's from the host's namespace, as they change. */
function servers(choice: ResolverChoice, outside: boolean): { upstreams: string[]; resolvConf: string } {
  const host = hostResolvConf();
  const { inside } = upstreams(choice, host);
  if (choice.dns.length > 0) return { upstreams: inside, resolvConf: '' };
  return { upstreams: [], resolvConf: outside ? host.path : '' };
}

/** Lines for the names that an egress policy allows: the name, port and protocol (0: any). */
function egressNames(record: ContainerRecord, networks: readonly NetworkRecord[]): string[] {
  const policies = [record.request.labels?.[EGRESS], ...networks.map(({ options }) => options[EGRESS])];
  return policies
    .flatMap((text) => parseEgress(text) ?? [])
    .flatMap(({ name, port, protocol }) => (name ? [`${name} ${protocol ?? '-'} ${port ?? '-'}`] : []));
}

/** A link `NAME:ALIAS` as alias and name. */
export const linkPair = (link: string): [alias: string, name: string] => {
  const [name = '', alias = name] = link.split(':');
  return [alias.replace(/^\/(.*\/)?/, ''), name.replace(/^\//, '')];
};

/** The endpoints that a container has now; none while it does not run. */
export const endpointsOf = (record: ContainerRecord): readonly LiveEndpoint[] => record.live?.endpoints ?? [];

/**
 * The lines of a container's hosts file beside the standard names.
 * @throws invalid-parameter for an extra host that can't be read; not-found or system for a link.
 */
export function hostsContent(context: Context, record: ContainerRecord): HostsContent {
  const own = endpointsOf(record).flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((address) => address));
  return { extra: extraHosts(context, record.request), links: links(context, record), own };
}

/** The lines of one endpoint in its own container's hosts file. */
export function ownLines(
  record: ContainerRecord,
  { ipv4, ipv6 }: LiveEndpoint,
): Array<readonly [string, string]> {
  const names = ownNames(record.request.hostname, record.request.domainname);
  return [ipv4, ipv6].filter((address) => address).map((address) => [address, names] as const);
}

/** `NAME:ADDRESS` entries; `host-gateway` stands for the host. */
export function extraHosts(context: Context, request: NetworkRequest): Array<readonly [string, string]> {
  return (request.extraHosts ?? []).flatMap((text) => {
    const colon = text.indexOf(':');
    const name = text.slice(0, colon);
    const address = text.slice(colon + 1);
    if (colon <= 0) throw invalidParameter(`bad format for add-host: "${text}"`);
    if (address === 'host-gateway') return hostGateways(context).map((gateway) => [gateway, name] as const);
    const bare = address.replace(/^\[(.*)\]$/, '$1');
    if (!isIP(bare)) throw invalidParameter(`invalid IP address in add-host: "${address}"`);
    return [[bare, name] as const];
  });
}

function hostGateways({ settings, catalogue }: Context): string[] {
  if (settings.hostGatewayIps.length > 0) return settings.hostGatewayIps;
  const gateways =
    catalogue
      .find('bridge')
      ?.subnets.map(({ gateway }) => gateway)
      .filter(Boolean) ?? [];
  if (gateways.length === 0) throw invalidParameter('unable to derive the IP value for host-gateway');
  return gateways;
}

/** Links of the default bridge become lines of the hosts file. @throws not-found, system as dockerd says it. */
function links(context: Context, record: ContainerRecord): Array<readonly [string, string]> {
  const bridge = context.catalogue.find('bridge');
  const { request } = record;
  if (!bridge || !record.configured.some(({ network }) => network === 'bridge')) return [];
  return (request.links ?? []).map((link) => {
    const [alias, name] = linkPair(link);
    const other = findContainer(context, name);
    if (!other)
      throw invalidParameter(`Cannot link to a non running container: /${name} AS /${request.name}/${alias}`);
    if (!other.configured.some(({ network }) => network === 'bridge'))
      throw systemError(
        `Cannot link to /${other.request.name}, as it does not belong to the default network`,
      );
    const address = endpointsOf(other).find(({ networkId }) => networkId === bridge.id)?.ipv4;
    if (!address)
      throw invalidParameter(
        `Cannot link to a non running container: /${other.request.name} AS /${request.name}/${alias}`,
      );
    const names = [...new Set([alias, other.request.id.slice(0, 12), other.request.name])];
    return [address, names.join(' ')] as const;
  });
}

/** A container has started: those that run and link to it find it at its address of now. */
export function refreshLinks(context: Context, started: ContainerRecord): void {
  for (const record of context.containers.values()) {
    if (!record.live || record.request.id === started.request.id || !record.request.links?.length) continue;
    const isMeant = record.request.links.some(
      (link) => findContainer(context, linkPair(link)[1])?.request.id === started.request.id,
    );
    if (!isMeant) continue;
    const lines = links(context, record).filter(([, names]) => names.endsWith(` ${started.request.name}`));
    editHosts(record.request, { remove: lines.map(([, names]) => ['', names] as const), add: lines });
  }
}

/** A container by id, name or the beginning of an id. */
export function findContainer({ containers }: Context, reference: string): ContainerRecord | undefined {
  const exact = containers.get(reference);
  if (exact) return exact;
  for (const record of containers.values())
    if (record.request.name === reference || record.request.id.startsWith(reference)) return record;
  return undefined;
}
