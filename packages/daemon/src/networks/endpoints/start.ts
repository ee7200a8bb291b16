import type { LaunchRecord } from '@berth/native';
import { NetError } from '@berth/native/net.ts';
import { forbidden, notFound, systemError } from '../../base/errors.ts';
import type { NetworkRequest } from '../api.ts';
import { changesFirewall } from '../firewall/policy.ts';
import { endpointOperation, flag } from '../kernel.ts';
import { type Context, emitMembership, keep, networkOf } from '../model/context.ts';
import { hasNames } from '../model/inspect.ts';
import { newId } from '../model/options.ts';
import type { ContainerRecord, EndpointConfig, LiveEndpoint, NetworkRecord } from '../model/records.ts';
import { checkStart } from '../model/refusals.ts';
import { firewallPorts, forgetFlows, portRecords, shownPorts, takePorts } from '../ports/publish.ts';
import {
  askedName,
  checkEndpoint,
  configuredNetworks,
  endpointSysctls,
  routesOperation,
} from './endpoints.ts';
import type { ResolverKind } from './files.ts';
import { hasResolver, hostsContent, refreshLinks, writeSandboxFile } from './names.ts';
import { freeAddresses, reserveEndpoint, withInterface } from './reserve.ts';
import { resolverChoice, writeHosts, writeResolvConf } from './sandbox.ts';
import { stopSandbox } from './stop.ts';

type Entry = ContainerRecord['configured'][number];

/** The record of a container with what its create asks for now; a connect or disconnect since the create counts. */
export function remember(context: Context, request: NetworkRequest): ContainerRecord {
  const known = context.containers.get(request.id);
  if (known) return keep(context, known, { request });
  const record: ContainerRecord = {
    request,
    configured: configuredNetworks(request, context.catalogue.find),
    sandboxId: '',
    sandboxKey: '',
    resolvHash: '',
  };
  context.containers.put(request.id, record);
  return record;
}

/** The network of every entry. @throws not-found for the first that is not there. */
function networksOf(
  context: Context,
  record: ContainerRecord,
): Array<{ entry: Entry; network: NetworkRecord }> {
  return record.configured.map((entry) => {
    const network = networkOf(context, entry);
    if (!network) throw notFound(`network ${entry.networkId || entry.network} not found`);
    if (network.configOnly) throw forbidden('cannot create endpoint on configuration-only network');
    return { entry, network };
  });
}

/**
 * A container starts only while the network of its mode is there, whichever others it is connected to.
 * @throws not-found; where none of its networks is there, `networksOf` tells which.
 */
function checkMode(context: Context, { request: { mode }, configured }: ContainerRecord): void {
  if (context.catalogue.find(mode === 'default' ? 'bridge' : mode)) return;
  if (configured.length === 0 || configured.some((entry) => networkOf(context, entry)))
    throw notFound(`could not find a network matching network mode ${mode}: network ${mode} not found`);
}

/** The kernel operation of one endpoint. `sandbox`: an id of the worker's, or a path. */
export function operationFor(
  context: Context,
  sandbox: string,
  network: NetworkRecord,
  endpoint: LiveEndpoint,
  config: EndpointConfig,
  request: NetworkRequest,
): LaunchRecord {
  const { mtu } = context.settings;
  return endpointOperation(sandbox, network, endpoint, {
    mtu,
    icc: flag(network, 'enable_icc', true),
    hairpin: request.publishAll || Object.keys(request.portBindings ?? {}).length > 0,
    linkLocal: config.IPAMConfig?.LinkLocalIPs ?? [],
    sysctls: endpointSysctls(config, endpoint.interface),
  });
}

/** How a container finds names. */
export function resolverKind(context: Context, record: ContainerRecord): ResolverKind {
  if (record.request.mode === 'host') return 'host';
  return hasResolver(context, record) ? 'internal' : 'legacy';
}

/** Whether a container may have an IPv6 address: without, servers that have one are no use to it. */
export function hasIpv6(context: Context, { configured }: ContainerRecord): boolean {
  return configured.some((entry) => networkOf(context, entry)?.ipv6);
}

/** Writes a container's hosts, hostname and resolv.conf; returns its record with the hash of the last. */
function writeFiles(context: Context, record: ContainerRecord): ContainerRecord {
  const kind = resolverKind(context, record);
  const choice = resolverChoice(record.request, context.settings);
  writeHosts(record, hostsContent(context, record), kind === 'host');
  // A start writes it anew, as it does the other files: what was changed holds until then.
  const resolvHash = writeResolvConf({ ...record, resolvHash: '' }, kind, choice, hasIpv6(context, record));
  return resolvHash === record.resolvHash ? record : keep(context, record, { resolvHash });
}

/**
 * Makes a container's sandbox; see `Networks.attach`. Addresses, interfaces, ports and files are made side by side.
 * @throws as `api.ts` says; nothing is left then.
 */
export async function startSandbox(
  context: Context,
  request: NetworkRequest,
): Promise<{ record: ContainerRecord; path: string; launch: LaunchRecord[] }> {
  if (context.containers.get(request.id)?.live) await stopSandbox(context, request.id);
  let record = remember(context, request);
  checkMode(context, record);
  const networks = networksOf(context, record);
  for (const { entry, network } of networks) {
    const wrong = checkEndpoint(network, entry.config, request);
    if (wrong) throw wrong;
  }
  checkStart(
    record,
    networks.map(({ network }) => network),
  );
  const sandboxId = newId();
  const endpoints: LiveEndpoint[] = [];
  try {
    const wanted = networks.map(({ entry }) => askedName(entry.config));
    for (const { entry, network } of networks)
      endpoints.push(reserveEndpoint(context, network, entry.config, endpoints, wanted));
  } catch (error) {
    for (const endpoint of endpoints) freeAddresses(context, endpoint);
    throw error;
  }
  record = keep(context, record, {
    configured: networks.map(({ entry, network }) => ({
      ...entry,
      network: network.name,
      networkId: network.id,
    })),
    live: { sandboxId, endpoints, ports: [], portMap: {} },
    sandboxId,
    sandboxKey: request.mode === 'host' ? context.folder.hostKey : context.folder.key(sandboxId),
  });
  for (const endpoint of endpoints) context.members.add(request.id, endpoint);
  try {
    return await makeSandbox(context, record, networks);
  } catch (error) {
    await stopSandbox(context, request.id, { silent: true });
    throw error instanceof NetError
      ? systemError(`failed to set up container networking: ${error.message}`, error)
      : error;
  }
}

async function makeSandbox(
  context: Context,
  record: ContainerRecord,
  networks: ReadonlyArray<{ entry: Entry; network: NetworkRecord }>,
): Promise<{ record: ContainerRecord; path: string; launch: LaunchRecord[] }> {
  const { request } = record;
  const live = record.live!;
  const interfaces = withInterface(live.endpoints);
  const made = interfaces.length > 0 ? makeInterfaces(context, record, networks) : undefined;
  const published = interfaces.length > 0 ? publish(context, record) : undefined;
  const names = networks
    .filter(({ network }) => hasNames(network))
    .map(({ network }) => context.names.changed(network.id));
  // All must have ended before a failure is undone.
  const results = await Promise.allSettled([made, published, writeAll(context, record), ...names]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  const { path, hosts } = (await made) ?? { path: '', hosts: [] };
  let index = 0;
  const endpoints = live.endpoints.map((endpoint) =>
    endpoint.interface ? { ...endpoint, host: hosts[index++] ?? '' } : endpoint,
  );
  for (const endpoint of endpoints) context.members.add(request.id, endpoint);
  const known = context.containers.get(request.id)!;
  const started = keep(context, known, { live: { ...known.live!, endpoints } });
  for (const { network } of networks) emitMembership(context, 'connect', network, request);
  refreshLinks(context, started);
  return { record: started, path, launch: launchRecords(context, started, path) };
}

/** The namespace with its interfaces and routes, in one request to the worker. */
async function makeInterfaces(
  context: Context,
  record: ContainerRecord,
  networks: ReadonlyArray<{ entry: Entry; network: NetworkRecord }>,
): Promise<{ path: string; hosts: string[] }> {
  const { sandboxId, endpoints } = record.live!;
  const operations: LaunchRecord[] = [['sandbox', sandboxId, ...(record.request.userMaps ?? []).flat()]];
  const joined = networks
    .map((one, index) => ({ ...one, endpoint: endpoints[index]! }))
    .filter(({ endpoint }) => endpoint.interface !== '');
  // The veth pair that was made ahead is not for this one.
  if (joined[0]?.network.driver !== 'bridge') operations.push(['unplug', sandboxId, 'eth0']);
  const first = operations.length;
  for (const { entry, network, endpoint } of joined)
    operations.push(operationFor(context, sandboxId, network, endpoint, entry.config, record.request));
  operations.push(routesOperation(sandboxId, record, context.catalogue.find));
  const results = await context.worker.call(...operations).catch(async (error) => {
    if (!(error instanceof NetError && error.workerLost)) throw error;
    // The namespace went with the worker, as nobody had joined it; its links may take the kernel a moment longer.
    const links = joined.flatMap(({ endpoint }) => endpoint.host || []);
    for (const link of links) await context.worker.call(['unlink', link]);
    return await context.worker.call(...operations);
  });
  return {
    path: results[0]!.values[0]!,
    hosts: joined.map((_, index) => results[first + index]!.values[0] ?? ''),
  };
}

/** Takes a starting container's ports and lets the firewall lead to them. */
async function publish(context: Context, record: ContainerRecord): Promise<void> {
  const ports = await takePorts(context, record);
  const known = context.containers.get(record.request.id)!;
  const changed = keep(context, known, {
    live: { ...known.live!, ports, portMap: shownPorts(context, record, ports) },
  });
  if (changesFirewall(context, changed)) await context.firewall.apply();
  else await context.firewall.ports(firewallPorts(context, changed), []);
  await forgetFlows(context, ports, []);
}

async function writeAll(context: Context, record: ContainerRecord): Promise<void> {
  const written = writeFiles(context, record);
  if (hasResolver(context, written)) writeSandboxFile(context, written);
}

/** The launch records for a container's network. */
function launchRecords(context: Context, record: ContainerRecord, path: string): LaunchRecord[] {
  if (!path) return [];
  const records = portRecords(context, record);
  if (hasResolver(context, record)) records.push(['dns', path, context.folder.sandbox(record.request.id)]);
  return records;
}
