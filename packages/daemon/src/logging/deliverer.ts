import { Worker } from 'node:worker_threads';
import { log } from '../base/log.ts';
import { threadProgram } from '../base/thread.ts';
import type { Order, Report } from './deliver/record.ts';

/** The thread that sends logs, from the daemon's side. It is there for as long as there are logs to send, and a while longer. */
export interface Deliverer {
  /** Resolves to why the receiver can't be reached, or undefined. */
  open(folder: string, connect: boolean): Promise<string | undefined>;
  ended(folder: string): void;
  removed(folder: string): void;
  close(): void;
}

const PROGRAM = threadProgram(import.meta.url, './deliver/worker.ts', './berthd-logs.mjs');
const RESTART_PAUSE = 1000;
/** How long the thread waits for another log, in milliseconds: to start it takes ten times as long as to start a container. */
const REST_AFTER = 3000;

/** The deliverer, whose thread begins with the first log that is to be sent. */
export function openDeliverer(): Deliverer {
  return new Thread();
}

interface Opening {
  folder: string;
  /** Whether the receiver has to be there: the answer is a start's. */
  connect: boolean;
  /** A thread has failed with it already. */
  again: boolean;
  answer(error: string | undefined): void;
}

class Thread implements Deliverer {
  private worker: Worker | undefined;
  private readonly folders = new Set<string>();
  /** Folders of removed containers, of whose logs something may be left to send. */
  private readonly leaving = new Set<string>();
  /** Orders that were not answered yet, by their numbers. */
  private readonly waiting = new Map<number, Opening>();
  private number = 0;
  private closed = false;
  /** Runs while there are no logs: at its end the thread does. */
  private pause: NodeJS.Timeout | undefined;
  /** The thread has ended for want of logs, not by a fault. */
  private resting = true;

  private start(): void {
    this.resting = false;
    const worker = new Worker(PROGRAM, { name: 'logs' });
    worker.unref();
    this.worker = worker;
    worker.on('message', (report: Report) => this.heard(report));
    worker.on('error', (error) => log.error({ err: error }, 'the thread that sends logs has failed'));
    worker.on('exit', () => {
      if (this.worker === worker) this.lost();
    });
  }

  private rest(): void {
    const worker = this.worker;
    this.pause = undefined;
    this.worker = undefined;
    this.resting = true;
    void worker?.terminate();
  }

  private wake(): void {
    clearTimeout(this.pause);
    this.pause = undefined;
  }

  /**
   * The thread has ended. Everything that it had to send is in the folders: another one goes on, also with what was not
   * answered. A log that brings two of them down is not waited for.
   */
  private lost(): void {
    this.worker = undefined;
    this.wake();
    for (const [number, opening] of this.waiting) {
      if (opening.again) {
        this.waiting.delete(number);
        opening.answer(
          opening.connect ? 'the thread that sends logs has failed twice; see the log' : undefined,
        );
      }
      opening.again = true;
    }
    if (this.folders.size + this.leaving.size === 0) this.resting = true;
    else if (!this.closed) setTimeout(() => this.goOn(), RESTART_PAUSE).unref();
  }

  /** Starts a thread, and has it do what the one before did. */
  private goOn(): void {
    if (this.closed) return;
    this.start();
    const asked = new Set([...this.waiting.values()].map(({ folder }) => folder));
    for (const [number, { folder, connect }] of this.waiting)
      this.send({ do: 'open', folder, number, connect });
    for (const folder of [...this.folders, ...this.leaving])
      if (!asked.has(folder)) void this.ask(folder, false);
    for (const folder of this.leaving) this.send({ do: 'removed', folder });
  }

  private heard(report: Report): void {
    if (report.is === 'log') {
      log[report.level](report.fields, report.text);
      return;
    }
    if (report.is === 'idle') {
      this.leaving.clear();
      // Orders that are on their way to it have their folders, or wait for an answer.
      if (this.folders.size === 0 && this.waiting.size === 0)
        this.pause ??= setTimeout(() => this.rest(), REST_AFTER).unref();
      return;
    }
    const waiting = this.waiting.get(report.number);
    this.waiting.delete(report.number);
    if (waiting && !report.following) this.folders.delete(waiting.folder);
    waiting?.answer(report.error);
  }

  private send(order: Order): void {
    this.worker?.postMessage(order);
  }

  open(folder: string, connect: boolean): Promise<string | undefined> {
    this.folders.add(folder);
    this.wake();
    if (this.resting) this.start();
    return this.ask(folder, connect);
  }

  /** Gives the order now, or, where the thread has failed, to the next one. */
  private ask(folder: string, connect: boolean): Promise<string | undefined> {
    this.number += 1;
    const { number } = this;
    this.send({ do: 'open', folder, number, connect });
    return new Promise((answer) => this.waiting.set(number, { folder, connect, again: false, answer }));
  }

  ended(folder: string): void {
    this.send({ do: 'ended', folder });
  }

  removed(folder: string): void {
    this.folders.delete(folder);
    this.leaving.add(folder);
    this.send({ do: 'removed', folder });
  }

  close(): void {
    this.closed = true;
    void this.worker?.terminate();
  }
}
