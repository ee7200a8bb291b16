import type { LaunchRecord } from '@berth/native';
import { BerthError, conflict, forbidden } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { formatPrefix } from './addresses/addresses.ts';
import type { EndpointSettings, NetworkRequest, NetworkState, Networks } from './api.ts';
import { checkEndpoint, configuredNetworks } from './endpoints/endpoints.ts';
import { connect, connectLater, disconnect } from './endpoints/hotplug.ts';
import { EGRESS, extraHosts } from './endpoints/names.ts';
import { reconcile } from './endpoints/reconcile.ts';
import { remember, startSandbox } from './endpoints/start.ts';
import { stopSandbox } from './endpoints/stop.ts';
import { parseEgress } from './firewall/egress.ts';
import { PUBLISH_ALLOW, parseSources } from './firewall/publish-sources.ts';
import { type Context, keep } from './model/context.ts';
import { hasNames, networkState, shownNetwork } from './model/inspect.ts';
import { listed, prunable } from './model/list.ts';
import type { CreateNetworkBody } from './model/options.ts';
import type { ContainerRecord, LiveEndpoint, NetworkRecord } from './model/records.ts';
import { egressRefusal } from './model/refusals.ts';
import { changePorts } from './ports/change.ts';
import { portWishes } from './ports/ports.ts';
import { closeRecords } from './ports/publish.ts';
import { containerWay, networkWay } from './way.ts';

/** The room: what `api.ts` promises, each by the part that does it. */
export class Room implements Networks {
  readonly #context: Context;
  readonly #close: () => void;

  constructor(context: Context, close: () => void) {
    this.#context = context;
    this.#close = close;
  }

  async create(
    options: Record<string, unknown>,
    client = { hasIpv6Pool: true, givenGateways: false },
  ): Promise<{ id: string; warning: string }> {
    const { catalogue, firewall } = this.#context;
    const record = await catalogue.create(options as CreateNetworkBody, client);
    try {
      if (record.driver === 'bridge' && !record.configOnly) await firewall.apply();
      await this.#context.flush();
    } catch (error) {
      await catalogue
        .remove(record)
        .catch((failure) => log.warn({ err: failure, network: record.name }, 'a network that failed stays'));
      throw error;
    }
    return { id: record.id, warning: '' };
  }

  inspect(reference: string) {
    return this.#shown(this.#context.catalogue.get(reference));
  }

  async refused(reference: string): Promise<Record<string, number> | undefined> {
    const { catalogue, members, containers, firewall } = this.#context;
    const record = catalogue.get(reference);
    const endpoints = [...members.of(record.id)].filter(
      ([id]) => (containers.get(id)?.request.labels?.[EGRESS] ?? record.options[EGRESS]) !== undefined,
    );
    if (endpoints.length === 0) return undefined;
    const counts = await firewall.refused();
    const addresses = endpoints.flatMap(([, { ipv4, ipv6 }]) => [ipv4, ipv6].filter((address) => address));
    return Object.fromEntries(addresses.map((address) => [address, counts.get(address) ?? 0]));
  }

  async list(filters: Record<string, string[]>) {
    return (await listed(this.#context, filters)).map((record) => this.#shown(record));
  }

  async remove(reference: string, { nameEndpoints = false } = {}): Promise<void> {
    const { catalogue, containers, firewall, folder, members } = this.#context;
    const record = catalogue.get(reference);
    const active = [...members.of(record.id)];
    if (!catalogue.isPredefined(record) && active.length > 0) {
      const endpoints = active.map(
        ([id, { endpointId }]) =>
          `name:${JSON.stringify(containers.get(id)?.request.name ?? id)} id:"${endpointId.slice(0, 12)}"`,
      );
      throw forbidden(
        nameEndpoints
          ? `error while removing network: network ${record.name} has active endpoints (${endpoints.join(', ')})`
          : `error while removing network: network ${record.name} id ${record.id} has active endpoints`,
      );
    }
    await catalogue.remove(record);
    folder.removeNames(record.id);
    if (record.driver === 'bridge')
      await firewall.apply().catch((error) => log.error({ err: error }, 'the firewall could not be changed'));
    await this.#context.flushOrLater();
  }

  async prune(filters: Record<string, string[]>): Promise<{ NetworksDeleted: string[] }> {
    const deleted: string[] = [];
    for (const { id, name } of prunable(this.#context, filters)) {
      try {
        await this.remove(id);
        deleted.push(name);
      } catch (error) {
        log.warn({ err: error, network: name }, 'could not remove local network'); // in use meanwhile
      }
    }
    this.#context.events.emit('network', 'prune', '', { reclaimed: '0' });
    return { NetworksDeleted: deleted };
  }

  prepare(request: NetworkRequest): NetworkState {
    portWishes(request);
    extraHosts(this.#context, request);
    parseEgress(request.labels?.[EGRESS]);
    parseSources(request.labels?.[PUBLISH_ALLOW]);
    this.check(request);
    return this.#state(remember(this.#context, request));
  }

  check(request: NetworkRequest): void {
    const { catalogue } = this.#context;
    for (const { network, config } of configuredNetworks(request, catalogue.find)) {
      const known = catalogue.find(network);
      const refused = known && egressRefusal(request.labels, known);
      if (refused) throw refused;
      const wrong = checkEndpoint(known ?? network, config, request);
      if (wrong) throw new BerthError(wrong.kind, `invalid config for network ${network}: ${wrong.message}`);
    }
  }

  async attach(
    request: NetworkRequest,
  ): Promise<{ state: NetworkState; path: string; launch: LaunchRecord[] }> {
    const { record, path, launch } = await startSandbox(this.#context, request);
    return { state: this.#state(record), path, launch };
  }

  running(id: string, pid: number): void {
    const { containers, folder } = this.#context;
    const record = containers.get(id);
    if (!record?.live || record.sandboxKey === folder.hostKey) return;
    const key = folder.key(record.live.sandboxId);
    folder.linkKey(key, pid);
    if (record.sandboxKey !== key) keep(this.#context, record, { sandboxKey: key });
  }

  async detach(id: string): Promise<NetworkState> {
    await stopSandbox(this.#context, id);
    return this.state(id) ?? { endpoints: {}, ports: {}, sandboxId: '', sandboxKey: '' };
  }

  async forget(id: string): Promise<void> {
    await stopSandbox(this.#context, id);
    this.#context.containers.delete(id);
  }

  async connect(
    network: string,
    request: NetworkRequest,
    endpoint: Partial<EndpointSettings>,
    pid?: number,
  ): Promise<NetworkState> {
    const { catalogue } = this.#context;
    // dockerd notes a network that is not there for a container that does not run: its start tells.
    const found = pid === undefined ? catalogue.find(network) : catalogue.get(network);
    if (found) await connect(this.#context, found, request, endpoint, pid);
    else connectLater(this.#context, network, request, endpoint);
    return this.state(request.id)!;
  }

  async publish(request: NetworkRequest, anew: string[] = []): Promise<NetworkState> {
    const record = this.#context.containers.get(request.id);
    portWishes(request);
    if (record?.live) await changePorts(this.#context, record, request, anew);
    else remember(this.#context, request);
    return this.state(request.id)!;
  }

  closing(id: string, ports: string[]): LaunchRecord[] {
    const held = this.#context.containers.get(id)?.live?.ports ?? [];
    return closeRecords(held.filter((port) => ports.includes(`${port.containerPort}/${port.protocol}`)));
  }

  async disconnect(
    network: string,
    id: string,
    { force, pid }: { force: boolean; pid?: number },
  ): Promise<NetworkState> {
    const { catalogue, containers } = this.#context;
    const found = force || pid === undefined ? catalogue.find(network) : catalogue.get(network);
    const record = containers.get(id);
    // One that shares the namespace of another container is on no network itself.
    if (!record) throw conflict(`container ${id} is not connected to network ${found?.name ?? network}`);
    await disconnect(this.#context, found, network, record, pid);
    return this.state(id)!;
  }

  takeControls(id: string): LaunchRecord[] {
    const records = this.#context.controls.get(id) ?? [];
    this.#context.controls.delete(id);
    return records;
  }

  renamed(id: string, name: string): void {
    const { containers, catalogue, names } = this.#context;
    const record = containers.get(id);
    if (!record) return;
    keep(this.#context, record, { request: { ...record.request, name } });
    for (const { networkId } of record.live?.endpoints ?? [])
      if (hasNames(catalogue.find(networkId))) void names.changedOrLogged(networkId);
  }

  state(id: string): NetworkState | undefined {
    const record = this.#context.containers.get(id);
    return record && this.#state(record);
  }

  stats(pid: number): Promise<Record<string, Record<string, number>>> {
    return this.statsAt(`/proc/${pid}/ns/net`);
  }

  async statsAt(path: string): Promise<Record<string, Record<string, number>>> {
    const [result] = await this.#context.worker.call(['stats', path]);
    const stats: Record<string, Record<string, number>> = {};
    for (const [, name, ...values] of result!.rows) {
      if (name === 'lo') continue;
      stats[name!] = Object.fromEntries(COUNTERS.map((key, index) => [key, Number(values[index])]));
    }
    return stats;
  }

  way(id: string) {
    return containerWay(this.#context, id);
  }

  networkWay(reference: string) {
    return networkWay(this.#context, reference);
  }

  hostInterface(id: string, networkId: string): string {
    return this.#context.members.of(networkId).get(id)?.host ?? '';
  }

  otherRules() {
    return this.#context.firewall.others();
  }

  reconcile(running: Array<{ request: NetworkRequest; pid: number }>): Promise<void> {
    return reconcile(this.#context, running);
  }

  close(): void {
    this.#close();
  }

  #state(record: ContainerRecord): NetworkState {
    return networkState(record, this.#context.catalogue.find);
  }

  #shown(record: NetworkRecord) {
    const { containers, members } = this.#context;
    const shown: Array<[ContainerRecord, LiveEndpoint]> = [];
    for (const [id, endpoint] of members.of(record.id)) {
      const container = containers.get(id);
      if (container) shown.push([container, endpoint]);
    }
    return { ...shownNetwork(record, shown), Status: addressCounts(this.#context, record) };
  }
}

/** How much of each subnet is in use; undefined for a network without addresses. */
function addressCounts({ catalogue }: Context, record: NetworkRecord): Record<string, unknown> | undefined {
  const pools = Object.values(catalogue.pools(record.id)).filter((pool) => pool !== undefined);
  if (pools.length === 0) return undefined;
  const counted = pools.map((pool): [string, unknown] => {
    const { used, available } = pool.counts();
    return [formatPrefix(pool.subnet), { IPsInUse: used, DynamicIPsAvailable: uint64(available) }];
  });
  return { IPAM: { Subnets: Object.fromEntries(counted) } };
}

/** A number in JSON, to its last digit, up to the largest that 64 bits hold. */
function uint64(value: bigint): unknown {
  const most = 2n ** 64n - 1n;
  // TypeScript's library does not have it yet.
  const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };
  return rawJSON(String(value > most ? most : value));
}

const COUNTERS = [
  'rx_bytes',
  'rx_packets',
  'rx_errors',
  'rx_dropped',
  'tx_bytes',
  'tx_packets',
  'tx_errors',
  'tx_dropped',
];
