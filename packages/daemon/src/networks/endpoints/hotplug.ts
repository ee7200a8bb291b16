import { NetError } from '@berth/native/net.ts';
import { conflict, forbidden, invalidParameter, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import type { EndpointSettings, NetworkRequest } from '../api.ts';
import { changesFirewall } from '../firewall/policy.ts';
import { type Context, control, emitMembership, keep, networkOf } from '../model/context.ts';
import { dnsNames, hasNames } from '../model/inspect.ts';
import type { ContainerRecord, LiveEndpoint, NetworkRecord } from '../model/records.ts';
import { checkConnect, HOST_NETWORK, SHARED } from '../model/refusals.ts';
import {
  closeRecords,
  firewallPorts,
  portRecords,
  portTarget,
  releasePorts,
  shownPorts,
  takePorts,
} from '../ports/publish.ts';
import { checkEndpoint, endpointConfig, routesOperation } from './endpoints.ts';
import { hasResolver, ownLines, writeSandboxFile } from './names.ts';
import { freeAddresses, reserveEndpoint } from './reserve.ts';
import { editHosts, resolverChoice, writeResolvConf } from './sandbox.ts';
import { hasIpv6, operationFor, remember, resolverKind } from './start.ts';

/**
 * Connects a container to a network: at once when it runs (`pid`), else with its next start.
 * @throws as dockerd; nothing has changed then.
 */
export async function connect(
  context: Context,
  network: NetworkRecord,
  request: NetworkRequest,
  given: Partial<EndpointSettings>,
  pid: number | undefined,
): Promise<void> {
  if (request.mode.startsWith('container:')) throw invalidParameter(SHARED);
  const record = remember(context, request);
  const config = endpointConfig(given ?? {});
  // The endpoint's own settings are judged first, as by dockerd: its texts say which of two objections a client sees.
  const wrong = checkEndpoint(network, config, request);
  if (wrong) throw wrong;
  checkConnect(context, record, network);
  const at = record.configured.findIndex((entry) => networkOf(context, entry)?.id === network.id);
  if (pid === undefined || !record.live) {
    // The settings of the first connect hold, as with dockerd.
    const entry = { network: network.name, config, networkId: '', connected: true as const };
    if (at < 0) keep(context, record, { configured: [...record.configured, entry] });
    return;
  }
  if (record.live.endpoints.some(({ networkId }) => networkId === network.id))
    throw forbidden(`endpoint with name ${request.name} already exists in network ${network.name}`);
  const configured = [...record.configured, { network: network.name, config, networkId: network.id }];
  await plug(context, { record, configured, network, config, pid });
  emitMembership(context, 'connect', network, request);
}

/**
 * Connects a running container anew to the networks that it is configured with and has no endpoint of: its link was deleted,
 * or a daemon was killed while it connected. One that cannot be had is logged, and made by the next start.
 */
export async function plugMissing(context: Context, id: string, pid: number): Promise<void> {
  for (const entry of context.containers.get(id)?.configured ?? []) {
    const record = context.containers.get(id);
    const network = networkOf(context, entry);
    if (!record?.live || !network || network.driver === 'host' || network.driver === 'null') continue;
    if (record.live.endpoints.some(({ networkId }) => networkId === network.id)) continue;
    const configured = record.configured.map((one) =>
      one === entry ? { ...one, networkId: network.id } : one,
    );
    try {
      await plug(context, { record, configured, network, config: entry.config, pid });
      log.info({ container: id, network: network.name }, 'connected a container to its network again');
    } catch (error) {
      log.warn(
        { container: id, network: network.name, err: error },
        'a container could not be connected to its network again; a restart of it tries anew',
      );
    }
  }
}

/** Notes a network that is not there yet for the next start of a container that does not run. */
export function connectLater(
  context: Context,
  network: string,
  request: NetworkRequest,
  given: Partial<EndpointSettings>,
): void {
  if (request.mode.startsWith('container:')) throw invalidParameter(SHARED);
  const record = remember(context, request);
  const others = record.configured.filter((entry) => entry.network !== network);
  const entry = { network, config: endpointConfig(given ?? {}), networkId: '', connected: true as const };
  keep(context, record, { configured: [...others, entry] });
}

/** `configured`: all that the container is configured with once it is connected. @throws system; nothing has changed then. */
async function plug(
  context: Context,
  {
    record,
    configured,
    network,
    config,
    pid,
  }: {
    record: ContainerRecord;
    configured: ContainerRecord['configured'];
    network: NetworkRecord;
    config: ReturnType<typeof endpointConfig>;
    pid: number;
  },
): Promise<void> {
  const live = record.live!;
  const { request } = record;
  const sandbox = `/proc/${pid}/ns/net`;
  const before = record;
  let endpoint: LiveEndpoint = reserveEndpoint(context, network, config, live.endpoints);
  const resolverBefore = hasResolver(context, record);
  let now = keep(context, record, {
    configured,
    live: { ...live, endpoints: [...live.endpoints, endpoint] },
  });
  context.members.add(request.id, endpoint);
  try {
    const [made] = await context.worker.call(
      operationFor(context, sandbox, network, endpoint, config, request),
      routesOperation(sandbox, now, context.catalogue.find),
    );
    endpoint = { ...endpoint, host: made!.values[0] ?? '' };
    context.members.add(request.id, endpoint);
    now = keep(context, now, { live: { ...now.live!, endpoints: [...live.endpoints, endpoint] } });
    now = await republish(context, before, now);
  } catch (error) {
    context.members.delete(request.id, network.id);
    keep(context, before, {});
    await context.worker.call(['unplug', sandbox, endpoint.interface]).catch(() => undefined);
    await context.worker
      .call(routesOperation(sandbox, before, context.catalogue.find))
      .catch(() => undefined);
    freeAddresses(context, endpoint);
    throw error instanceof NetError ? systemError(error.message, error) : error;
  }
  editHosts(request, { remove: [], add: ownLines(now, endpoint) });
  await refreshNames(context, now, network);
  if (!resolverBefore && hasResolver(context, now))
    control(context, request.id, ['dns', sandbox, context.folder.sandbox(request.id)]);
}

/**
 * Disconnects a container: at once when it runs, else from its next start on. `network` undefined: it is gone, and
 * `reference` names the entry to take away (a forced disconnect).
 * @throws system when it is not connected; invalid-parameter for the host's network.
 */
export async function disconnect(
  context: Context,
  network: NetworkRecord | undefined,
  reference: string,
  record: ContainerRecord,
  pid: number | undefined,
): Promise<void> {
  const name = network?.name ?? reference;
  const entry = record.configured.find((one) =>
    network ? networkOf(context, one)?.id === network.id : one.network === reference,
  );
  const endpoint = record.live?.endpoints.find(({ networkId }) => networkId === network?.id);
  if (pid !== undefined && network?.driver === 'host' && record.request.mode === 'host')
    throw invalidParameter(HOST_NETWORK);
  if (!entry)
    throw conflict(
      pid === undefined || !network
        ? `container ${record.request.id} is not connected to the network ${name}`
        : `container ${record.request.id} is not connected to network ${name}`,
    );
  const configured = record.configured.filter((one) => one !== entry);
  if (pid === undefined || !record.live || !endpoint || !network) keep(context, record, { configured });
  else await unplug(context, record, configured, network, endpoint, pid);
  if (network) emitMembership(context, 'disconnect', network, record.request);
}

async function unplug(
  context: Context,
  record: ContainerRecord,
  configured: ContainerRecord['configured'],
  network: NetworkRecord,
  endpoint: LiveEndpoint,
  pid: number,
): Promise<void> {
  const { request } = record;
  const sandbox = `/proc/${pid}/ns/net`;
  const live = record.live!;
  let now = keep(context, record, {
    configured,
    live: { ...live, endpoints: live.endpoints.filter((one) => one !== endpoint) },
  });
  context.members.delete(request.id, network.id);
  try {
    if (endpoint.interface)
      await context.worker.call(
        ['unplug', sandbox, endpoint.interface],
        routesOperation(sandbox, now, context.catalogue.find),
      );
  } catch (error) {
    // The container may be ending: its interfaces go with it.
    log.debug({ err: error, container: request.id }, 'an interface could not be taken away');
  }
  now = await republish(context, record, now);
  freeAddresses(context, endpoint);
  editHosts(request, {
    remove: hasNames(network) ? nameLines(record, configOf(record, network)) : [],
    add: [],
  });
  await refreshNames(context, now, network);
}

const configOf = (record: ContainerRecord, { id }: NetworkRecord) =>
  record.configured.find(({ networkId }) => networkId === id)?.config;

/**
 * Lines of its hosts file that a container loses with a network: all of a name that the network's name service knew,
 * whatever the address, but for its own; as dockerd, which leaves the rest alone.
 */
function nameLines(
  record: ContainerRecord,
  config: ReturnType<typeof endpointConfig> = endpointConfig({}),
): Array<readonly ['', string]> {
  return dnsNames(record, config)
    .filter((name) => name !== record.request.name)
    .map((name) => ['', name] as const);
}

/** After a change of a running container's endpoints: its resolver, resolv.conf and the network's names. */
async function refreshNames(
  context: Context,
  record: ContainerRecord,
  network: NetworkRecord,
): Promise<void> {
  const choice = resolverChoice(record.request, context.settings);
  const resolvHash = writeResolvConf(record, resolverKind(context, record), choice, hasIpv6(context, record));
  if (resolvHash !== record.resolvHash) keep(context, record, { resolvHash });
  writeSandboxFile(context, record);
  if (hasNames(network)) await context.names.changed(network.id);
}

/**
 * Moves published ports to the endpoint that serves them now: another after the main one went, or the first.
 * @throws system for a port that can't be had.
 */
async function republish(
  context: Context,
  before: ContainerRecord,
  record: ContainerRecord,
): Promise<ContainerRecord> {
  const { id } = record.request;
  const old = portTarget(context, before);
  const target = portTarget(context, record);
  if (old?.endpoint.endpointId === target?.endpoint.endpointId) {
    if (changesFirewall(context, record)) await context.firewall.apply();
    return record;
  }
  const mapped = firewallPorts(context, before);
  const held = before.live!.ports;
  let ports = held;
  if (!target) {
    ports = [];
    await releasePorts(context, id, held);
    control(context, id, ...closeRecords(held));
  } else if (held.length === 0) {
    ports = await takePorts(context, record);
  }
  const now = keep(context, record, {
    live: { ...record.live!, ports, portMap: shownPorts(context, record, ports) },
  });
  if (target && ports.length > 0) control(context, id, ...portRecords(context, now));
  if (changesFirewall(context, now)) await context.firewall.apply();
  else await context.firewall.ports(firewallPorts(context, now), mapped);
  return now;
}
