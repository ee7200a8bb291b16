import { request } from 'node:http';
import { sleep } from '../support/daemon.ts';

/** The value below which `part` (0 to 1) of the values lie. */
export function percentile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Asks for the same over and over, and notes how long each answer took, in milliseconds. */
export class Probe {
  readonly times: number[] = [];
  failures = 0;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(
    where: { socketPath: string; path: string } | { host: string; port: number; path: string },
    pause = 20,
  ) {
    this.#done = (async () => {
      while (!this.#stopped) {
        const began = performance.now();
        if (await answered(where)) this.times.push(performance.now() - began);
        else this.failures++;
        await sleep(pause);
      }
    })();
  }

  /** The times since the last call. */
  take(): number[] {
    return this.times.splice(0);
  }

  async stop(): Promise<number[]> {
    this.#stopped = true;
    await this.#done;
    return this.times;
  }
}

const answered = (where: object): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request({ ...where, method: 'GET', agent: false, timeout: 10_000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
