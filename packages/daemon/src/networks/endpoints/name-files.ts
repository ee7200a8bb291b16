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
      for (const id of networks) this.#write(id);
    });
    return this.#writing;
  }
}
