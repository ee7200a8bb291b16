import type { LaunchRecord } from '@berth/native';
import type { Nftables } from '@berth/native/nft.ts';
import { log } from '../../base/log.ts';
import { portChange, portOperation } from './elements.ts';
import { ruleset } from './firewall.ts';
import { type FirewallRule, type OtherRules, othersOf, parseRules } from './listing.ts';
import { ForwardNeighbours } from './neighbours.ts';
import type { FirewallPort, FirewallState } from './state.ts';

/** How many ports the worker changes at most: more do not fit into one of its requests. */
const FEW = 20;

interface Change {
  add: FirewallPort[];
  remove: FirewallPort[];
  done: Promise<void>;
}

/**
 * Keeps the kernel's firewall as `desired` says. A changed port is one element; everything else is the whole table in one
 * transaction, many requests for it sharing one.
 */
export class FirewallReconciler {
  readonly table: string;
  readonly #nftables: Nftables;
  readonly #desired: () => FirewallState;
  readonly #change: (operation: LaunchRecord) => Promise<unknown>;
  readonly #neighbours: ForwardNeighbours;
  #bridges: string | undefined;
  #scheduled: Promise<void> | undefined;
  #failure: Error | undefined;
  #refusedBefore = new Map<string, number>();
  #restoring = false;
  #changedOutside = false;
  #waiting: Change | undefined;
  #last: Promise<void> = Promise.resolve();

  /** `change` carries out an operation `elements` of the network worker. */
  constructor(
    table: string,
    nftables: Nftables,
    desired: () => FirewallState,
    change: (operation: LaunchRecord) => Promise<unknown>,
  ) {
    this.table = table;
    this.#nftables = nftables;
    this.#change = change;
    this.#desired = desired;
    this.#neighbours = new ForwardNeighbours(nftables, table);
  }

  /** Brings the whole table into the desired state: that of the moment when its turn comes. */
  apply(): Promise<void> {
    if (!this.#scheduled) {
      this.#scheduled = this.#last.then(() => {
        this.#scheduled = undefined;
        return this.#applyNow();
      });
      this.#last = this.#scheduled.catch(() => undefined);
    }
    return this.#scheduled;
  }

  async #applyNow(): Promise<void> {
    const desired = this.#desired();
    // The counters go with the old table.
    if (desired.egress.length > 0)
      this.#refusedBefore = await this.refused().catch(() => this.#refusedBefore);
    try {
      await this.#nftables.run(ruleset(desired));
      this.#failure = undefined;
      await this.#passOthers(desired);
    } catch (error) {
      this.#failure = error as Error;
      throw error;
    }
  }

  /** Other programs' forward chains must let our bridges through as well. */
  async #passOthers({ networks }: FirewallState): Promise<void> {
    const bridges = networks.map(({ bridge }) => bridge);
    if (bridges.join(' ') === this.#bridges) return;
    this.#bridges = bridges.join(' ');
    await this.#neighbours.sync(bridges);
  }

  /**
   * Adds and deletes elements of published ports, which are part of the desired state already. Many calls share one
   * transaction: those that come while one is under way.
   */
  ports(add: FirewallPort[], remove: FirewallPort[]): Promise<void> {
    if (add.length === 0 && remove.length === 0) return Promise.resolve();
    if (!this.#waiting) {
      const waiting: Change = { add: [], remove: [], done: Promise.resolve() };
      waiting.done = this.#last.then(() => {
        this.#waiting = undefined;
        return this.#applyChange(waiting);
      });
      this.#last = waiting.done.catch(() => undefined);
      this.#waiting = waiting;
    }
    this.#waiting.add.push(...add);
    this.#waiting.remove.push(...remove);
    return this.#waiting.done;
  }

  async #applyChange({ add, remove }: Change): Promise<void> {
    if (this.#failure) return await this.#applyNow();
    try {
      if (add.length + remove.length <= FEW) await this.#change(portOperation(this.table, add, remove));
      else await this.#nftables.run(portChange(this.table, add, remove));
    } catch {
      // Somebody else changed the table, or a port came and went at once: an element is there already, or is not.
      await this.#applyNow();
    }
  }

  /** Writes the table again after somebody else changed it, and what they change meanwhile, too. */
  restore(): void {
    this.#changedOutside = true;
    if (this.#restoring) return;
    this.#restoring = true;
    void this.#restore().finally(() => {
      this.#restoring = false;
    });
  }

  async #restore(): Promise<void> {
    while (this.#changedOutside) {
      this.#changedOutside = false;
      try {
        await this.apply();
        log.warn({}, 'the firewall table was changed from outside and has been restored');
      } catch (error) {
        log.error({ err: error }, 'the firewall table was changed from outside and cannot be restored');
      }
    }
  }

  /** The packets refused to each restricted source since the daemon's start, by address. */
  async refused(): Promise<Map<string, number>> {
    const counts = new Map(this.#refusedBefore);
    for (const [address, packets] of await this.#counters())
      counts.set(address, (counts.get(address) ?? 0) + packets);
    return counts;
  }

  /** The counters of the table that is there now. */
  async #counters(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const family of ['4', '6']) {
      const listed = (await this.#nftables.json(`list set inet ${this.table} refused${family}`)) as {
        nftables: Array<{
          set?: { elem?: Array<{ elem?: { val: string; counter?: { packets: number } } }> };
        }>;
      };
      for (const { set } of listed.nftables)
        for (const { elem } of set?.elem ?? []) if (elem) counts.set(elem.val, elem.counter?.packets ?? 0);
    }
    return counts;
  }

  /** The rules of the table, as nft prints them, with their counters since the table was last written. */
  async rules(): Promise<FirewallRule[]> {
    return parseRules(await this.#nftables.text(`list table inet ${this.table}`));
  }

  /** The filtering rules of others, with their counters. */
  async others(): Promise<OtherRules> {
    return othersOf(this.#nftables, this.table);
  }

  /** Removes the table (no containers are left, or the tests are over). */
  async clear(): Promise<void> {
    const { table } = this;
    await this.#neighbours.sync([]);
    await this.#nftables.run(`table inet ${table} {}\ndelete table inet ${table}\n`);
  }
}
