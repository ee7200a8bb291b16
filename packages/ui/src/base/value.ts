/** A value that views follow. Listeners hear of a change once in a turn, however often it was set. */
export class Value<T> {
  private readonly listeners = new Set<() => void>();
  private pending = false;
  private value: T;

  constructor(value: T) {
    this.value = value;
  }

  get(): T {
    return this.value;
  }

  set(value: T): void {
    if (value === this.value) return;
    this.value = value;
    if (this.pending) return;
    this.pending = true;
    queueMicrotask(() => {
      this.pending = false;
      for (const listener of [...this.listeners]) listener();
    });
  }

  /** Calls `listener` after changes; the function that is returned ends that. */
  follow(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
