import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Long enough for a helper on a machine under load, short enough for a user who waits; the tests set it lower. */
const SILENCE = Number(process.env['BERTH_HELPER_SILENCE_MS']) || 5000;

/** A helper that has something to do and says nothing for so long, in milliseconds, is asked whether it is there ... */
export const HELPER_SILENCE = SILENCE;
/** ... and has this time to answer, in milliseconds, before it counts as hung. Helpers answer without waiting for anything. */
export const HELPER_ANSWER = 2 * SILENCE;

export interface WatchdogOptions {
  /** Something is expected of the helper. */
  waiting: () => boolean;
  /** Asks the helper for a word; the answer is reported by `heard`. */
  ping: () => void;
  /** The helper does not answer: it is to be killed and replaced. */
  hung: () => void;
}

/** Notices a helper process that was stopped or hangs, and would keep all that wait for it waiting for ever. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #heard = Date.now();
  #asked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** The helper said something, or was just started. */
  heard(): void {
    this.#heard = Date.now();
    this.#asked = false;
  }

  /** Something is expected of the helper from now on. */
  attend(): void {
    if (this.#timer) return;
    // It had nothing to say until now.
    this.heard();
    this.#wait(HELPER_SILENCE);
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      // This process may have been the one that did nothing: what has arrived meanwhile is read first.
      setImmediate(() => setImmediate(() => this.#check()));
    }, milliseconds);
    this.#timer.unref();
  }

  #check(): void {
    this.#timer = undefined;
    if (Date.now() - this.#heard < HELPER_SILENCE) {
      if (this.#options.waiting()) this.#wait(HELPER_SILENCE);
    } else if (!this.#asked) {
      // Also where those who waited have given up meanwhile: the next ones would wait in vain, too.
      this.#asked = true;
      this.#options.ping();
      this.#wait(HELPER_ANSWER);
    } else {
      this.#options.hung();
    }
  }
}

/**
 * Ends a helper process that was stopped (SIGSTOP), or whose own helpers were, and is not continued within
 * HELPER_SILENCE to twice of it: what waits for the helper's end or its streams then hears of a failure. For helpers that
 * can't be asked whether they are there, and may rightly wait for their input for as long as it takes. Tracing one
 * (gdb, strace) does not count.
 * @returns whether the helper was ended so.
 */
export function endWhenStopped(child: ChildProcess): () => boolean {
  let seen = false;
  let ended = false;
  const timer = setInterval(() => {
    const stopped = child.pid !== undefined && [child.pid, ...childrenOf(child.pid)].some(isStopped);
    if (stopped && seen) {
      ended = true;
      // A child that was not waited for yet keeps its number: no other process can be hit.
      child.kill('SIGKILL');
    }
    seen = stopped;
  }, HELPER_SILENCE);
  timer.unref();
  const over = () => clearInterval(timer);
  child.once('exit', over);
  child.once('error', over);
  return () => ended;
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Whether a process is in the state T of proc_pid_stat(5); one that is gone is not. */
export function isStopped(pid: number): boolean {
  const text = read(`/proc/${pid}/stat`);
  return text[text.lastIndexOf(')') + 2] === 'T';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
