/** Work that is done in turn for each key: what is under way for one ends before the next for it begins. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Does the work when all that was asked for before it has ended, well or not. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = this.ended(key).then(work);
    const settled: Promise<void> = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    this.#last.set(key, settled);
    return turn;
  }

  /** Resolves when what was asked for up to now has ended, well or not. */
  ended(key: string): Promise<void> {
    return this.#last.get(key) ?? Promise.resolve();
  }
}
