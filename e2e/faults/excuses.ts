/** The times and words of system errors (5xx) that the injected fault explains; any other one is a broken invariant. */
export class Excuses {
  readonly #windows: { from: number; to: number; words: RegExp }[] = [];

  /** From now on; the function that is returned ends it, `after` milliseconds later. */
  open(words: RegExp): (after?: number) => void {
    const window = { from: performance.now(), to: Number.POSITIVE_INFINITY, words };
    this.#windows.push(window);
    return (after = 0) => {
      window.to = performance.now() + after;
    };
  }

  excused(text: string, from: number, to: number): boolean {
    return this.#at(from, to).some(({ words }) => words.test(text));
  }

  /** Whether some fault was on within that time span. */
  troubled(from: number, to: number): boolean {
    return this.#at(from, to).length > 0;
  }

  #at(from: number, to: number) {
    return this.#windows.filter((one) => one.from <= to && one.to >= from);
  }
}
