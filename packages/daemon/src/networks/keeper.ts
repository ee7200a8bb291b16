import type { Nftables } from '@berth/native/nft.ts';
import { log } from '../log.ts';
import { type FirewallPort, type FirewallState, portChange, ruleset } from './firewall.ts';

interface Change {
  add: FirewallPort[];
  remove: FirewallPort[];
  done: Promise<void>;
}

/**
 * Keeps the kernel's firewall as `desired` says. A changed port is one element; everything else is the whole table in one
 * transaction, many requests for it sharing one.
 */
export class FirewallKeeper {
  readonly #nftables: Nftables;
  readonly #desired: () => FirewallState;
  #scheduled: Promise<void> | undefined;
  #failure: Error | undefined;
  #restoring = false;
  #changedOutside = false;
  #waiting: Change | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(nftables: Nftables, desired: () => FirewallState) {
    this.#nftables = nftables;
    this.#desired = desired;
  }

  /** The name of our table. */
  get table(): string {
    return this.#desired().table;
  }

  /** Brings the whole table into the desired state. */
  apply(): Promise<void> {
    this.#scheduled ??= Promise.resolve().then(async () => {
      this.#scheduled = undefined;
      try {
        await this.#nftables.run(ruleset(this.#desired()));
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error as Error;
        throw error;
      }
    });
    return this.#scheduled;
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
        return this.#change(waiting);
      });
      this.#last = waiting.done.catch(() => undefined);
      this.#waiting = waiting;
    }
    this.#waiting.add.push(...add);
    this.#waiting.remove.push(...remove);
    return this.#waiting.done;
  }

  async #change({ add, remove }: Change): Promise<void> {
    if (this.#failure) return await this.apply();
    try {
      await this.#nftables.run(portChange(this.#desired().table, add, remove));
    } catch {
      // Somebody else changed the table, or a port came and went at once: an element is there already, or is not.
      await this.apply();
    }
  }

  /** Somebody else changed the table: it is put back. What they do meanwhile is put back as well. */
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

  /** What each restricted source was refused so far: packets by address. */
  async refused(): Promise<Map<string, number>> {
    const { table } = this.#desired();
    const counts = new Map<string, number>();
    for (const family of ['4', '6']) {
      const listed = (await this.#nftables.json(`list set inet ${table} refused${family}`)) as {
        nftables: Array<{
          set?: { elem?: Array<{ elem?: { val: string; counter?: { packets: number } } }> };
        }>;
      };
      for (const { set } of listed.nftables)
        for (const { elem } of set?.elem ?? []) if (elem) counts.set(elem.val, elem.counter?.packets ?? 0);
    }
    return counts;
  }

  /** Removes the table (no containers are left, or the tests are over). */
  async clear(): Promise<void> {
    const { table } = this.#desired();
    await this.#nftables.run(`table inet ${table} {}\ndelete table inet ${table}\n`);
  }
}
