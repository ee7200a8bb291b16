/** The limits of time and bytes that a registry may cost us. Times are milliseconds. */
export interface Limits {
  /** Making a connection, TLS included. */
  connect: number;
  /** From a request to the headers of its answer. */
  headers: number;
  /** Between two pieces of a body. */
  idle: number;
  /** A small document (manifest, configuration, token) as a whole. */
  document: number;
  /** A transfer that moves fewer than `stallBytes` in each `stallWindow` is given up as stalled. */
  stallWindow: number;
  stallBytes: number;
  /** Pause before the second attempt; grows by itself with each further one, as dockerd's. */
  backOff: number;
  /** The bytes of an interrupted download are removed after this long. */
  partialAge: number;
}

export const LIMITS: Limits = {
  connect: 30_000,
  headers: 60_000,
  idle: 60_000,
  document: 120_000,
  stallWindow: 60_000,
  stallBytes: 16 * 1024,
  backOff: 5_000,
  partialAge: 24 * 3600 * 1000,
};

/** Manifests and lists of tags; registries themselves refuse manifests beyond 4 MiB. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
export const MAX_TOKEN_BYTES = 1024 * 1024;
/** The most bytes that are read of an error's body. */
export const MAX_ERROR_BYTES = 64 * 1024;
/** One layer, compressed. */
export const MAX_BLOB_BYTES = 1024 ** 4;

/** Lets a number of tasks run at once; the others wait in order. */
export class Pool {
  private free: number;
  private readonly waiting: Array<() => void> = [];

  constructor(size: number) {
    this.free = Math.max(1, size);
  }

  /** Whether a task would have to wait now. */
  get full(): boolean {
    return this.free <= 0;
  }

  /** Runs the task when its turn comes. @throws the signal's reason when it is aborted while waiting. */
  async run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.free > 0) this.free -= 1;
    else await this.turn(signal);
    try {
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }

  private turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const stop = () => {
        this.waiting.splice(this.waiting.indexOf(start), 1);
        reject(signal.reason as Error);
      };
      this.waiting.push(start);
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}
