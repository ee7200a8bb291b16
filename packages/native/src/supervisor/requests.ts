import { LaunchError, type LaunchRecord } from '../api.ts';
import { HELPER_ANSWER } from '../watchdog.ts';
import { type Deferred, deferred } from './deferred.ts';

const ETIMEDOUT = 110;

export interface RequestsOptions {
  /** Sends a message to the supervisor. @throws LaunchError when it can't be sent. */
  send: (records: LaunchRecord[]) => void;
  /** Why nothing can be asked any more, or undefined. */
  ended: (name: string) => LaunchError | undefined;
  /** The message of the error when a request is not answered in HELPER_ANSWER. */
  silence: () => string;
}

/** Requests to a supervisor on its control connection, each until its reply: c/supervisor/messages.h. */
export class Requests {
  readonly #options: RequestsOptions;
  /** By sequence number. */
  readonly #waiting = new Map<string, Deferred<void> & { records: LaunchRecord[] }>();
  #sequence = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** How many wait for their replies. */
  get count(): number {
    return this.#waiting.size;
  }

  /** Sends a request and waits for its reply. @throws LaunchError. */
  send(name: string, values: (string | number)[], ...more: LaunchRecord[]): Promise<void> {
    const over = this.#options.ended(name);
    if (over) return Promise.reject(over);
    const sequence = String(++this.#sequence);
    const records: LaunchRecord[] = [[name, sequence, ...values.map(String)], ...more];
    const waiting = { ...deferred<void>(), records };
    this.#waiting.set(sequence, waiting);
    const late = setTimeout(() => {
      this.#waiting.delete(sequence);
      waiting.reject(new LaunchError(name, ETIMEDOUT, this.#options.silence()));
    }, HELPER_ANSWER);
    const settled = () => clearTimeout(late);
    waiting.promise.then(settled, settled);
    try {
      this.#options.send(records);
    } catch (error) {
      this.#waiting.delete(sequence);
      waiting.reject(error as Error);
    }
    return waiting.promise;
  }

  /** The reply to one: an error, or null. */
  answered(sequence: string, error: LaunchError | null): void {
    const waiting = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    if (error) waiting?.reject(error);
    else waiting?.resolve();
  }

  /** The messages of those that wait, to be sent again: asking twice does no harm. */
  get messages(): LaunchRecord[][] {
    return [...this.#waiting.values()].map(({ records }) => records);
  }

  /** No reply will come any more. */
  fail(error: LaunchError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
