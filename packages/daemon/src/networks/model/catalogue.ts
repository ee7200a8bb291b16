import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { NetError, type NetWorker } from '@berth/native/net.ts';
import { forbidden, invalidParameter, notFound, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import type { Settings } from '../../config/settings.ts';
import type { Events } from '../../events/api.ts';
import type { Collection } from '../../store/api.ts';
import { DEFAULT_POOLS, type PoolBase } from '../addresses/ipam.ts';
import { allocateSubnets, heldRanges, type NetworkPools, poolsOf, routedRanges } from '../addresses/pools.ts';
import type { NetworkClient } from '../api.ts';
import { defaultBridge } from '../bridge.ts';
import type { FirewallNetwork } from '../firewall/state.ts';
import { needsNoGateway } from '../kernel.ts';
import { firewallNetwork } from './firewall-network.ts';
import { chooseLink, forwardIpv4, forwardIpv6, makeBridge, makeParent } from './links.ts';
import { type CreateNetworkBody, networkFromBody, withDefaults } from './options.ts';
import { builtin } from './predefined.ts';
import type { NetworkRecord } from './records.ts';

export interface CatalogueOptions {
  settings: Settings;
  records: Collection<NetworkRecord>;
  worker: NetWorker;
  events: Events;
}

/** The networks: records, their bridges in the kernel, their addresses. */
export class Catalogue {
  readonly #options: CatalogueOptions;
  readonly #byName = new Map<string, NetworkRecord>();
  readonly #pools = new Map<string, NetworkPools>();
  /**
   * Changes of links run one after the other: a create must see the subnets of the one before, and a link
   * that no record names yet is no stranger while its network is being made.
   */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: CatalogueOptions) {
    this.#options = options;
    for (const record of options.records.values()) this.#index(record);
  }

  all(): NetworkRecord[] {
    return [...this.#options.records.values()];
  }

  /** By id, name or unique id prefix. */
  find = (reference: string): NetworkRecord | undefined => {
    const { records } = this.#options;
    const exact = records.get(reference) ?? this.#byName.get(reference);
    if (exact || !/^[0-9a-f]+$/.test(reference)) return exact;
    const matching = this.all().filter(({ id }) => id.startsWith(reference));
    return matching.length === 1 ? matching[0] : undefined;
  };

  /** @throws not-found `network x not found`; an ambiguous prefix is told. */
  get(reference: string): NetworkRecord {
    const found = this.find(reference);
    if (found) return found;
    const count = /^[0-9a-f]+$/.test(reference)
      ? this.all().filter(({ id }) => id.startsWith(reference)).length
      : 0;
    throw count > 1
      ? invalidParameter(`network ${reference} is ambiguous (${count} matches found based on ID prefix)`)
      : notFound(`network ${reference} not found`);
  }

  pools(id: string): NetworkPools {
    return this.#pools.get(id) ?? {};
  }

  /** Names of the links that are networks' own. */
  links(): Set<string> {
    return new Set(this.all().flatMap(({ link, driver }) => (link && driver !== 'host' ? [link] : [])));
  }

  create(body: CreateNetworkBody, client: NetworkClient): Promise<NetworkRecord> {
    return this.between(() => this.#create(body, client));
  }

  /** Runs something while no network is being made or removed: each has its links without a record for a while. */
  between<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #create(
    body: CreateNetworkBody,
    { hasIpv6Pool, givenGateways }: NetworkClient,
  ): Promise<NetworkRecord> {
    const { records, worker, events, settings } = this.#options;
    const record = networkFromBody(withDefaults(body, settings.defaultNetworkOpts), this.find, (name) =>
      this.#byName.has(name),
    );
    if (!record.configOnly) {
      chooseLink(record, this.all());
      const routed = await this.#call(() => routedRanges(worker, this.links()));
      const skipped = {
        v4: needsNoGateway(record, 4, givenGateways),
        v6: needsNoGateway(record, 6, givenGateways),
      };
      const pools = this.#poolBases(hasIpv6Pool);
      // Engine 27 brought both.
      allocateSubnets(record, pools, heldRanges(this.all()), routed, skipped, hasIpv6Pool);
      record.foreignLink = await this.#makeLink(record);
    }
    records.put(record.id, record);
    this.#index(record);
    if (record.ipv6) forwardIpv6();
    events.emit('network', 'create', record.id, { name: record.name, type: record.driver });
    return record;
  }

  #poolBases(hasIpv6Pool = true): readonly PoolBase[] {
    const { defaultAddressPools, dataRoot } = this.#options.settings;
    const pools = defaultAddressPools.length > 0 ? defaultAddressPools : DEFAULT_POOLS;
    return !hasIpv6Pool || pools.some(({ base }) => base.includes(':'))
      ? pools
      : [...pools, localPool(dataRoot)];
  }

  /** The link of a new network; true when it was there and is not ours. A failure leaves none. @throws system */
  async #makeLink(record: NetworkRecord): Promise<boolean> {
    const { worker, settings } = this.#options;
    const before = existsSync(`/sys/class/net/${record.link}`);
    try {
      return await this.#call(() =>
        record.driver === 'bridge' ? makeBridge(worker, record, settings.mtu) : makeParent(worker, record),
      );
    } catch (error) {
      // The worker may have come half-way, or further if it ended before it could say so.
      if (!before)
        await worker.call(['unlink', record.link]).catch((failure) => {
          log.warn(
            { err: failure, link: record.link },
            'the link of a network that was not made stays for now',
          );
        });
      // A parent that is made here is a VLAN of a link, or the dummy of an internal network.
      throw record.options['parent']
        ? systemError(`failed to create ${record.link} vlan link: ${(error as Error).message}`, error)
        : error;
    }
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof NetError && error.errno === 95)
        throw systemError('operation not supported', error);
      if (error instanceof NetError) throw systemError(error.message, error);
      throw error;
    }
  }

  /** Removes a network that has no endpoints. @throws forbidden for a predefined or used configuration network. */
  async remove(record: NetworkRecord): Promise<void> {
    const { records, worker, events } = this.#options;
    if (this.isPredefined(record))
      throw forbidden(`${record.name} is a pre-defined network and cannot be removed`);
    if (record.configOnly && this.all().some(({ configFrom }) => configFrom === record.name))
      throw forbidden(`error while removing network: configuration network "${record.name}" is in use`);
    records.delete(record.id);
    this.#byName.delete(record.name);
    this.#pools.delete(record.id);
    await this.between(async () => {
      const shared = this.all().some(({ link }) => link === record.link);
      if (record.link && !record.foreignLink && !shared) await worker.call(['unlink', record.link]);
    });
    events.emit('network', 'destroy', record.id, { name: record.name, type: record.driver });
  }

  isPredefined({ name, driver }: NetworkRecord): boolean {
    return driver === 'host' || driver === 'null' || name === 'bridge';
  }

  /** The predefined networks, and every network's bridge in the kernel. */
  async open(): Promise<void> {
    const { records, settings, worker } = this.#options;
    for (const [name, driver] of [
      ['host', 'host'],
      ['none', 'null'],
    ] as const)
      if (!this.#byName.has(name)) this.#put(builtin(name, driver));
    const known = this.#byName.get('bridge');
    const [ours] = await worker.call(['links']);
    const own = new Set(ours!.rows.map(([, link]) => link!));
    if (settings.bridge === 'none') {
      if (known) {
        records.delete(known.id);
        this.#byName.delete('bridge');
        this.#pools.delete(known.id);
      }
    } else {
      const routed = await routedRanges(worker, new Set([...this.links(), ...own]));
      const held = heldRanges(this.all().filter(({ name }) => name !== 'bridge'));
      const bridge = await defaultBridge(settings, known, {
        own,
        held,
        routed,
        pools: this.#poolBases(),
        worker,
      });
      this.#put(bridge);
    }
    if (settings.ipForward) forwardIpv4();
    for (const record of this.all()) await this.#restore(record);
  }

  async #restore(record: NetworkRecord): Promise<void> {
    const { settings, worker } = this.#options;
    if (record.configOnly || !record.link) return;
    try {
      if (record.driver === 'bridge') await makeBridge(worker, record, settings.mtu);
      else await makeParent(worker, record);
      if (record.ipv6) forwardIpv6();
    } catch (error) {
      // The daemon starts all the same: the network's containers will say why they can't.
      log.error({ err: error, network: record.name }, 'the network could not be restored');
    }
  }

  #put(record: NetworkRecord): void {
    this.#options.records.put(record.id, record);
    // The pools of the last start go: the settings may say otherwise now.
    this.#pools.delete(record.id);
    this.#index(record);
  }

  #index(record: NetworkRecord): void {
    this.#byName.set(record.name, record);
    if (!this.#pools.has(record.id)) this.#pools.set(record.id, poolsOf(record));
  }

  /** The bridge networks as the firewall has to know them. */
  firewall(): FirewallNetwork[] {
    return this.all()
      .filter(({ driver, configOnly }) => driver === 'bridge' && !configOnly)
      .map((record) => firewallNetwork(record, this.#options.settings.icc));
  }
}

/** A range of unique local addresses (RFC 4193) of this daemon's own, the same at every start. */
function localPool(dataRoot: string): PoolBase {
  const id = createHash('sha256').update(`${hostname()}\0${dataRoot}`).digest('hex');
  return { base: `fd${id.slice(0, 2)}:${id.slice(2, 6)}:${id.slice(6, 10)}::/48`, size: 64 };
}
