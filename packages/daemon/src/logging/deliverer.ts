import { Worker } from 'node:worker_threads';
import { log } from '../base/log.ts';
import type { Order, Report } from './deliver/record.ts';

/** The thread that sends logs, from the daemon's side. */
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

export function openDeliverer(): Deliverer {
  return new Thread();
}

class Thread implements Deliverer {
  private worker: Worker | undefined;
  private readonly folders = new Set<string>();
  private readonly waiting = new Map<number, (error: string | undefined) => void>();
  private number = 0;
  private closed = false;

  constructor() {
    this.start();
  }

  private start(): void {
    const worker = new Worker(PROGRAM, { name: 'logs' });
    worker.unref();
    this.worker = worker;
    worker.on('message', (report: Report) => this.heard(report));
    worker.on('error', (error) => log.error({ err: error }, 'the thread that sends logs has failed'));
    worker.on('exit', () => this.lost());
  }

  /** The thread has ended. Everything that it had to send is in the folders: another one goes on. */
  private lost(): void {
    this.worker = undefined;
    for (const answer of this.waiting.values()) answer(undefined);
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
    this.waiting.get(report.number)?.(report.error);
    this.waiting.delete(report.number);
  }

  private send(order: Order): void {
    this.worker?.postMessage(order);
  }

  open(folder: string, connect: boolean): Promise<string | undefined> {
    this.folders.add(folder);
    if (!this.worker) return Promise.resolve(undefined);
    this.number += 1;
    const { number } = this;
    this.send({ do: 'open', folder, number, connect });
    return new Promise((resolve) => this.waiting.set(number, resolve));
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
