/** How long a piece of work holds the event loop before other requests have their turn, in milliseconds. */
const SLICE = 10;

/**
 * Long work in slices: `due()` is cheap and true once the slice is used up, then `await next()` lets others run.
 *
 *     const slices = new Slices();
 *     for (const item of items) {
 *       if (slices.due()) await slices.next();
 *       work(item);
 *     }
 */
export class Slices {
  private end = performance.now() + SLICE;

  due(): boolean {
    return performance.now() >= this.end;
  }

  async next(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.end = performance.now() + SLICE;
  }
}
