/** The operations of a round with their times, in milliseconds since its begin: printed when an invariant is broken. */
export class Journal {
  readonly #began = performance.now();
  readonly #lines: string[] = [];

  /** Notes what begins now; the function that is returned notes its end. */
  begin(what: string): (result: string) => void {
    const at = this.#lines.push('') - 1;
    const from = this.#now();
    this.#lines[at] = `${from.padStart(7)}          ${what} -> (no answer)`;
    return (result) => {
      this.#lines[at] = `${from.padStart(7)} ${this.#now().padStart(7)}  ${what} -> ${result}`;
    };
  }

  note(what: string): void {
    this.#lines.push(`${this.#now().padStart(7)}          ${what}`);
  }

  get count(): number {
    return this.#lines.length;
  }

  get text(): string {
    return this.#lines.join('\n');
  }

  #now(): string {
    return (performance.now() - this.#began).toFixed(0);
  }
}
