import { Worker } from 'node:worker_threads';
import { log } from '../base/log.ts';
import type { Order, Report } from './deliver/record.ts';

/** The thread that sends logs, from the daemon's side. It is there for as long as there are logs to send, and a while longer. */
export interface Deliverer {
  /** Resolves to why the receiver can't be reached, or undefined. */
  open(folder: string, connect: boolean): Promise<string | undefined>;
  ended(folder: string): void;
  removed(folder: string): void;
  close(): void;
}

/** The thread's program: beside the bundle that this is part of, or as it is written, where tests run it. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './deliver/worker.ts' : './berthd-logs.mjs',
  import.meta.url,
);
const RESTART_PAUSE = 1000;
/** How long the thread waits for another log, in milliseconds: to start it takes ten times as long as to start a container. */
const REST_AFTER = 3000;

/** The deliverer, whose thread begins with the first log that is to be sent. */
export function openDeliverer(): Deliverer {
  return new Thread();
}

class Thread implements Deliverer {
  private worker: Worker | undefined;
  private readonly folders = new Set<string>();
  private readonly waiting = new Map<
    number,
    { folder: string; answer: (error: string | undefined) => void }
  >();
  private number = 0;
  private closed = false;
  /** Runs while there are no logs: at its end the thread does. */
  private pause: NodeJS.Timeout | undefined;
  /** It has ended for want of logs, not by a fault. */
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

  /** The thread has ended. Everything that it had to send is in the folders: another one goes on. */
  private lost(): void {
    this.worker = undefined;
    this.wake();
    for (const { answer } of this.waiting.values()) answer(undefined);
    this.waiting.clear();
    if (this.closed) return;
    setTimeout(() => {
      if (this.closed) return;
      this.start();
      for (const folder of this.folders) void this.open(folder, false);
    }, RESTART_PAUSE).unref();
  }

  private heard(report: Report): void {
    if (report.is === 'log') {
      log[report.level](report.fields, report.text);
      return;
    }
    if (report.is === 'idle') {
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
    if (!this.worker) return Promise.resolve(undefined);
    this.number += 1;
    const { number } = this;
    this.send({ do: 'open', folder, number, connect });
    return new Promise((answer) => this.waiting.set(number, { folder, answer }));
  }

  ended(folder: string): void {
    this.send({ do: 'ended', folder });
  }

  removed(folder: string): void {
    this.folders.delete(folder);
    this.send({ do: 'removed', folder });
  }

  close(): void {
    this.closed = true;
    void this.worker?.terminate();
  }
}
