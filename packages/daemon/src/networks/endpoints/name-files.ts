import { log } from '../../base/log.ts';

/** Writes the names files of networks, many changes sharing one write. */
export class NameFiles {
  readonly #write: (networkId: string) => void;
  readonly #changed = new Set<string>();
  #writing: Promise<void> | undefined;

  /** `write` brings one network's file up to date. */
  constructor(write: (networkId: string) => void) {
    this.#write = write;
  }

  /** Resolves when the file of that network says what holds. */
  changed(networkId: string): Promise<void> {
    this.#changed.add(networkId);
    this.#writing ??= Promise.resolve().then(() => {
      this.#writing = undefined;
      const networks = [...this.#changed];
      this.#changed.clear();
      const failed: unknown[] = [];
      for (const id of networks) {
        try {
          this.#write(id);
        } catch (error) {
          failed.push(error);
        }
      }
      if (failed.length > 0) throw failed[0];
    });
    return this.#writing;
  }

  /** As `changed`, but an error is only logged: the change is done all the same, and the next one writes the file anew. */
  async changedOrLogged(networkId: string): Promise<void> {
    await this.changed(networkId).catch((error: unknown) => {
      log.error({ err: error, network: networkId }, 'the names of a network are not up to date');
    });
  }
}
