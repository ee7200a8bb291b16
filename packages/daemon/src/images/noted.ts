import type { Collection } from '../store/api.ts';

/** A collection whose changes can be taken back. */
export class Noted<T> implements Collection<T> {
  readonly #collection: Collection<T>;
  /** The values before the changes that are noted now. */
  #before: Map<string, T | undefined> | undefined;

  constructor(collection: Collection<T>) {
    this.#collection = collection;
  }

  get size(): number {
    return this.#collection.size;
  }

  get(key: string): T | undefined {
    return this.#collection.get(key);
  }

  has(key: string): boolean {
    return this.#collection.has(key);
  }

  values(): IterableIterator<T> {
    return this.#collection.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#collection.entries();
  }

  put(key: string, value: T): void {
    this.#note(key);
    this.#collection.put(key, value);
  }

  delete(key: string): boolean {
    this.#note(key);
    return this.#collection.delete(key);
  }

  /** From here on changes are noted. */
  begin(): void {
    this.#before = new Map();
  }

  /** Ends that. @returns a call that brings back the values from before, of keys that nobody has changed since */
  end(): () => void {
    const before = this.#before!;
    this.#before = undefined;
    const made = new Map([...before.keys()].map((key) => [key, this.get(key)]));
    return () => {
      for (const [key, value] of before) {
        if (this.get(key) !== made.get(key)) continue;
        if (value === undefined) this.#collection.delete(key);
        else this.#collection.put(key, value);
      }
    };
  }

  #note(key: string): void {
    if (this.#before && !this.#before.has(key)) this.#before.set(key, this.get(key));
  }
}
