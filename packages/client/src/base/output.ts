import { write, writeSync } from 'node:fs';

/** Waits without the event loop. */
export function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * Writes to a standard stream. Node's own stream objects cost milliseconds at start-up, so text goes out by plain
 * writes; bulk data goes through `writeAll`, which never blocks the event loop.
 */
export class Output {
  readonly fd: number;
  private tail: Promise<void> = Promise.resolve();
  private broken = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** The reader has gone away. */
  get closed(): boolean {
    return this.broken;
  }

  /** Writes text at once, whole. A reader that has gone away is not an error. */
  print(text: string): void {
    if (this.broken || text === '') return;
    let rest = Buffer.from(text);
    while (rest.length) {
      try {
        rest = rest.subarray(writeSync(this.fd, rest));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') sleepSync(2);
        else if (code === 'EINTR') continue;
        else {
          this.broken = true;
          return;
        }
      }
    }
  }

  /** Queues bytes; resolves when they are written. Rejects when the reader has gone away. */
  writeAll(bytes: Uint8Array): Promise<void> {
    this.tail = this.tail.then(() => this.all(bytes));
    // The rejection is for the caller; the chain itself must not be reported as unhandled.
    this.tail.catch(() => undefined);
    return this.tail;
  }

  private async all(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length) {
      const written = await new Promise<number>((resolve, reject) => {
        write(this.fd, rest, 0, rest.length, null, (error, count) => {
          if (error?.code === 'EAGAIN') setTimeout(resolve, 2, 0);
          else if (error) reject(error);
          else resolve(count);
        });
      });
      rest = rest.subarray(written);
    }
  }

  /** Resolves when everything queued is written. */
  async flushed(): Promise<void> {
    await this.tail.catch(() => undefined);
  }
}
