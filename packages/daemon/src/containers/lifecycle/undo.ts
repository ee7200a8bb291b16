/** The ways back from the steps of a change, for one that fails half-way. */
export class Undo {
  readonly #steps: Array<() => unknown> = [];

  /** Notes how a step is taken back: one that was done, or one that may be half done when it fails. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Takes all steps back, the last first. Returns the reasons of those that stay; they do not hold up the others. */
  async all(): Promise<string[]> {
    const failures: string[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop())
      try {
        await step();
      } catch (error) {
        failures.push((error as Error).message);
      }
    return failures;
  }
}
