import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry } from './entries.ts';
import { type DeliveryRecord, REMOVED } from './record.ts';
import { Refused, type Sink } from './sink.ts';
import { Spool } from './spool.ts';

export type Tell = (level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, text: string) => void;

/** How long what a removed container's log still has to send is kept, in milliseconds. */
const KEEP_REMOVED = 24 * 3600 * 1000;
/** How many entries are read ahead of the receiver at most. */
const MOST = 4096;

/** Sends one container's log, from where the receiver has it, for as long as the container exists. */
export class Follower {
  readonly folder: string;
  private readonly record: DeliveryRecord;
  private readonly sink: Sink;
  private readonly tell: Tell;
  private readonly spool: Spool;
  private pending: Entry[] = [];
  private since = 0;
  private failures = 0;
  private stopped = false;
  private ended = false;
  private pause: { timer: NodeJS.Timeout; end: () => void } | undefined;
  /** Resolves when it has ended, by itself or stopped. */
  readonly done: Promise<void>;

  constructor(folder: string, record: DeliveryRecord, sink: Sink, tell: Tell) {
    this.folder = folder;
    this.record = record;
    this.sink = sink;
    this.tell = tell;
    this.spool = new Spool(folder, record.id);
    this.done = this.run();
  }

  /** The run has ended, or the container was removed: what is gathered goes now. */
  hurry(ended: boolean): void {
    this.ended = ended;
    this.spool.wakeUp();
  }

  /** Ends after what is being sent; what is not delivered stays. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.spool.wakeUp();
    this.pause?.end();
    this.sink.close();
    await this.done;
  }

  private async run(): Promise<void> {
    try {
      while (!this.stopped) await this.step();
    } catch (error) {
      this.tell('error', { container: this.record.id, err: `${error}` }, 'the delivery of a log has ended');
    } finally {
      this.sink.close();
      await this.spool.close();
    }
  }

  private async step(): Promise<void> {
    const more = this.pending.length < MOST ? await this.spool.read() : [];
    this.tellGone();
    if (more.length > 0 && this.pending.length === 0) this.since = performance.now();
    this.pending.push(...more);
    if (this.pending.length === 0) {
      if (await this.removeIfAsked()) return;
      return this.spool.wait();
    }
    const { milliseconds, entries } = this.sink.gather;
    const left = this.since + milliseconds - performance.now();
    const last = more.length === 0 && (left <= 0 || this.ended || this.removed);
    if (!last && this.pending.length < entries && left > 0)
      return more.length === 0 ? this.spool.wait(left) : undefined;
    await this.send(last);
  }

  private async send(last: boolean): Promise<void> {
    let count: number;
    try {
      count = await this.sink.send(this.pending, last);
      if (this.failures > 0)
        this.tell('info', this.fields(), 'the receiver of a log takes it again: nothing of it was lost');
      this.failures = 0;
    } catch (error) {
      if (this.stopped) return;
      count = await this.failed(error as Error);
    }
    if (count === 0) {
      // An unfinished group waits for what belongs to it.
      if (!this.stopped && this.failures === 0) await this.spool.wait(this.sink.gather.milliseconds || 50);
      return;
    }
    this.spool.acknowledge(this.pending[count - 1]!.end);
    this.pending = this.pending.slice(count);
    this.since = performance.now();
  }

  /** Waits for the next try. Resolves to how many entries are given up. */
  private async failed(error: Error): Promise<number> {
    if (error instanceof Refused) {
      this.tell(
        'error',
        { ...this.fields(), entries: error.entries, err: error.message },
        'lines of a log are refused and left out',
      );
      return error.entries;
    }
    const { first, factor, most, tries } = this.sink.retry;
    this.failures += 1;
    if (this.failures === 1)
      this.tell('warn', { ...this.fields(), err: error.message }, 'a log cannot be sent now; its lines wait');
    if (tries !== undefined && this.failures > tries) {
      this.failures = 0;
      this.tell(
        'error',
        { ...this.fields(), err: error.message },
        'a line of a log is given up, as its options say',
      );
      return 1;
    }
    await this.sleep(Math.min(most, first * factor ** Math.min(this.failures - 1, 30)));
    const { limit } = this.record;
    if (limit > 0) {
      await this.spool.skipTo(limit);
      if (this.spool.delivered > (this.pending[0]?.end ?? 0)) this.pending = [];
    }
    if (this.removed && this.failures > 1 && this.outdated()) {
      this.tell('error', this.fields(), 'the log of a removed container could not be sent and is gone');
      await this.remove();
    }
    return 0;
  }

  private sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(this.pause?.timer);
        this.pause = undefined;
        resolve();
      };
      this.pause = { timer: setTimeout(end, milliseconds), end };
    });
  }

  private tellGone(): void {
    const bytes = this.spool.takeGone();
    if (bytes > 0)
      this.tell('error', { ...this.fields(), bytes }, 'a part of a log was replaced before it could be sent');
  }

  private get removed(): boolean {
    return existsSync(join(this.folder, REMOVED));
  }

  private outdated(): boolean {
    const status = statSync(join(this.folder, REMOVED), { throwIfNoEntry: false });
    return status !== undefined && Date.now() - status.mtimeMs > KEEP_REMOVED;
  }

  private async removeIfAsked(): Promise<boolean> {
    if (!this.removed) return false;
    // The supervisor may have written between the last read and the mark.
    const late = await this.spool.read();
    if (late.length > 0) {
      this.pending.push(...late);
      return false;
    }
    await this.remove();
    return true;
  }

  private async remove(): Promise<void> {
    this.stopped = true;
    await rm(this.folder, { recursive: true, force: true });
  }

  private fields(): Record<string, unknown> {
    return { container: this.record.id, driver: this.record.driver };
  }
}
