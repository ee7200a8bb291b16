import type { Turns } from '../base/turns.ts';
import type { Folders } from './folders.ts';
import { mountOptions, unmountOptions } from './mounting.ts';
import type { VolumeRecord } from './record.ts';

/** Volumes with mount options: mounted from their first holder to their last. */
export class OptionMounts {
  readonly #folders: Folders;
  readonly #turns: Turns;
  /** The holders of each volume that is mounted. */
  readonly #holders = new Map<string, Set<string>>();

  constructor(folders: Folders, turns: Turns) {
    this.#folders = folders;
    this.#turns = turns;
  }

  /** @throws system with mount(8)'s words */
  async mount({ name, options }: VolumeRecord, holder: string): Promise<void> {
    await this.#turns.take(name, async () => {
      const holders = this.#holders.get(name) ?? new Set();
      if (holders.size === 0) await mountOptions(this.#folders.data(name), options!);
      holders.add(holder);
      this.#holders.set(name, holders);
    });
  }

  async unmount(name: string, holder: string): Promise<void> {
    if (!this.#holders.has(name)) return;
    await this.#turns.take(name, async () => {
      const holders = this.#holders.get(name);
      if (!holders?.delete(holder) || holders.size > 0) return;
      this.#holders.delete(name);
      await unmountOptions(this.#folders.data(name));
    });
  }

  /** Takes up what an earlier daemon mounted for containers that still run, and unmounts the rest. */
  async restore(
    running: Array<{ owner: string; volumes: string[] }>,
    hasOptions: (name: string) => boolean,
  ): Promise<void> {
    const present = await this.#folders.mounted();
    for (const { owner, volumes } of running)
      for (const name of volumes)
        if (hasOptions(name) && present.has(this.#folders.data(name)))
          this.#holders.set(name, (this.#holders.get(name) ?? new Set()).add(owner));
    const held = new Set([...this.#holders.keys()].map((name) => this.#folders.data(name)));
    for (const path of present) if (!held.has(path)) await unmountOptions(path);
  }
}
