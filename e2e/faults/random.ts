/** A generator of numbers that gives the same ones for the same seed on every machine (splitmix32). */
export class Random {
  #state: number;

  /** The parts of a seed are mixed: (seed, round, user) of one run share no sequence. */
  constructor(...seed: (number | string)[]) {
    let hash = 0x811c9dc5;
    for (const char of seed.join('/')) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    this.#state = hash >>> 0;
  }

  /** From 0 (inclusive) to 1 (exclusive). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` (inclusive) to `to` (exclusive). */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.between(0, values.length)]!;
  }

  /** One of those there are, if any. */
  any<T>(values: Iterable<T>): T | undefined {
    const all = [...values];
    return all.length > 0 ? this.pick(all) : undefined;
  }

  name(kind: string): string {
    return `${kind}-${Math.floor(this.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')}`;
  }

  bytes(size: number): Buffer {
    return Buffer.from(Array.from({ length: size }, () => this.between(0, 256)));
  }
}
