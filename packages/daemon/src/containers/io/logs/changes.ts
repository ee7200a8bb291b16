import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Sleeps until the log's folder changes. */
export class Changes {
  private readonly watcher: FSWatcher | undefined;
  private changed = false;
  private wake: (() => void) | undefined;
  private readonly aborted: () => void;
  private readonly signal: AbortSignal;

  constructor(path: string, signal: AbortSignal) {
    this.signal = signal;
    this.aborted = () => this.notify();
    signal.addEventListener('abort', this.aborted);
    try {
      this.watcher = watch(dirname(path), () => this.notify());
      this.watcher.on('error', () => undefined);
    } catch {
      // Out of inotify watches: the timer alone must do.
    }
  }

  wait(milliseconds: number): Promise<void> {
    if (this.changed || this.signal.aborted || milliseconds <= 0) {
      this.changed = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.notify(), milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        this.changed = false;
        resolve();
      };
    });
  }

  /** Wakes the reader: something was written, or the container ended. */
  notify(): void {
    this.changed = true;
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  close(): void {
    this.signal.removeEventListener('abort', this.aborted);
    this.watcher?.close();
  }
}
