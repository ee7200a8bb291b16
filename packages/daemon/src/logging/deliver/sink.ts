import type { Entry } from './entries.ts';

/** The receiver of a log: one driver's side of it. */
export interface Sink {
  /** Until when entries are gathered for one `send`: so many milliseconds after the first, or so many of them. */
  readonly gather: { milliseconds: number; entries: number };
  readonly retry: Retry;
  /** Finds out whether the receiver is there, as dockerd does at a start. @throws Error with dockerd's text */
  open(): Promise<void>;
  /**
   * Sends entries from the front and resolves to how many the receiver has. `last`: nothing comes soon that could belong
   * to them. @throws when the receiver does not take them now; `Refused` when it never will
   */
  send(entries: readonly Entry[], last: boolean): Promise<number>;
  close(): void;
}

export interface Retry {
  /** Milliseconds before the first, the factor from one to the next, and the most. */
  first: number;
  factor: number;
  most: number;
  /** After so many failures what could not be sent is given up; undefined: never. */
  tries?: number | undefined;
}

export const PATIENT: Retry = { first: 100, factor: 2, most: 10_000 };

/** The receiver will not take this, however often it is sent. */
export class Refused extends Error {
  /** How many entries are given up. */
  readonly entries: number;

  constructor(message: string, entries: number) {
    super(message);
    this.entries = entries;
  }
}
