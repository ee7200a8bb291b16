import { Slices } from '../../patterns/slices.ts';

/** Work on as many things as the layers of an image have: in slices, and given up when nobody waits for it any more. */
export class SlicedWork {
  private readonly slices = new Slices();
  private readonly signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.signal = signal;
  }

  /** Whether others are to have their turn, by `next`. */
  due(): boolean {
    return this.slices.due();
  }

  /** Lets others run. @throws the reason of the signal */
  async next(): Promise<void> {
    this.signal?.throwIfAborted();
    await this.slices.next();
  }

  async each<T>(things: Iterable<T>, work: (thing: T) => void): Promise<void> {
    for (const thing of things) {
      if (this.due()) await this.next();
      work(thing);
    }
  }
}

/** The largest of the things that it is given; it holds few of them at any time. */
export class Largest<T extends { size: number }> {
  private readonly count: number;
  private readonly sign: number;
  private readonly kept: Array<{ thing: T; at: number }> = [];
  private least = -1;
  private came = 0;

  /** Whether the first of equal ones are kept, or the last. */
  constructor(count: number, ties: 'first' | 'last' = 'first') {
    this.count = count;
    this.sign = ties === 'first' ? 1 : -1;
  }

  add(thing: T): void {
    if (this.count === 0 || thing.size < this.least || (thing.size === this.least && this.sign === 1)) return;
    this.kept.push({ thing, at: this.came++ });
    if (this.kept.length > 2 * this.count + 16) this.cut();
  }

  private cut(): void {
    this.kept.sort((left, right) => right.thing.size - left.thing.size || this.sign * (left.at - right.at));
    if (this.kept.length < this.count) return;
    this.kept.length = this.count;
    this.least = this.kept.at(-1)?.thing.size ?? -1;
  }

  /** The elements that were kept, the largest first. */
  take(): T[] {
    this.cut();
    return this.kept.map(({ thing }) => thing);
  }
}
