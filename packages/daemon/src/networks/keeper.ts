import type { Nftables } from '@berth/native/nft.ts';
import { log } from '../log.ts';
import { type FirewallPort, type FirewallState, portChange, ruleset } from './firewall.ts';

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

  constructor(nftables: Nftables, desired: () => FirewallState) {
    this.#nftables = nftables;
    this.#desired = desired;
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

  /** Adds and deletes elements of published ports; they are part of the desired state already. */
  async ports(add: FirewallPort[], remove: FirewallPort[]): Promise<void> {
    if (this.#failure) return await this.apply();
    if (add.length === 0 && remove.length === 0) return;
    try {
      await this.#nftables.run(portChange(this.#desired().table, add, remove));
    } catch {
      // The table was changed by somebody else: an element is there already, or gone with its map.
      await this.apply();
    }
  }

  /** Somebody else changed the table: it is put back. */
  restore(): void {
    if (this.#restoring) return;
    this.#restoring = true;
    this.apply()
      .then(
        () => log.warn({}, 'the firewall table was changed from outside and has been restored'),
        (error) => log.error({ err: error }, 'the firewall table was changed from outside and cannot be restored'),
      )
      .finally(() => {
        this.#restoring = false;
      });
  }

  /** What each restricted source was refused so far: packets by address. */
  async refused(): Promise<Map<string, number>> {
    const { table } = this.#desired();
    const counts = new Map<string, number>();
    for (const family of ['4', '6']) {
      const listed = (await this.#nftables.json(`list set inet ${table} refused${family}`)) as {
        nftables: Array<{ set?: { elem?: Array<{ elem?: { val: string; counter?: { packets: number } } }> } }>;
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
