import { closeSync, constants, type FSWatcher, openSync, readSync, watch, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Entry, EntryReader } from './entries.ts';
import { LOG, POSITION } from './record.ts';
import { openRotated, packedSegment, plainSegment, type Segment } from './segment.ts';

const NEWLINE = 0x0a;
const DELIVERED_AT = 16;
/** How long to wait at most when the kernel tells of no change, in milliseconds. */
const PATIENCE = 5000;
const LOCATE_TRIES = 20;

/**
 * A log that is sent elsewhere, as its deliverer reads it: from where the receiver has it, over all its files. Places in it
 * are counted in bytes from its first (see c/supervisor/log/position.h).
 */
export class Spool {
  private readonly folder: string;
  private readonly path: string;
  private readonly reader: EntryReader;
  private readonly position: number;
  private segment: Segment | undefined;
  /** The position of what is read next. */
  private at: number;
  /** The begin of a line whose end is not there yet. */
  private rest: Buffer = Buffer.alloc(0);
  private watcher: FSWatcher | undefined;
  private changed = true;
  private wake: (() => void) | undefined;
  /** Bytes that were rotated away before they were read, since this was asked last. */
  private gone = 0;

  constructor(folder: string, id: string) {
    this.folder = folder;
    this.path = join(folder, LOG);
    this.reader = new EntryReader(id);
    this.position = openSync(
      join(folder, POSITION),
      constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
      0o600,
    );
    this.at = Number(this.state().delivered);
  }

  /** Up to where everything is delivered. */
  get delivered(): number {
    return Number(this.state().delivered);
  }

  /** All up to here is delivered: another daemon begins here. */
  acknowledge(end: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(end));
    writeSync(this.position, bytes, 0, 8, DELIVERED_AT);
  }

  /** Entries that are there now, as many as one read of the file gives; none at the log's end. */
  async read(): Promise<Entry[]> {
    for (;;) {
      this.segment ??= await this.locate();
      if (!this.segment) return [];
      const block = (await this.segment.next()) ?? (await this.goOn());
      if (!block) return [];
      const entries = this.split(block);
      if (entries.length > 0) return entries;
    }
  }

  /** How many bytes of the log were lost to rotation since this was asked last. */
  takeGone(): number {
    const { gone } = this;
    this.gone = 0;
    return gone;
  }

  /** Goes on with the last `bytes` of the log; what comes before counts as gone. */
  async skipTo(bytes: number): Promise<void> {
    const newest = await open(this.path, 'r').catch(() => undefined);
    const size = (await newest?.stat())?.size ?? 0;
    await newest?.close();
    const target = Number(this.state().base) + size - bytes;
    if (target <= this.delivered) return;
    const before = this.delivered;
    await this.seek(target);
    // The rest of the line in whose middle that is.
    const entries = await this.read();
    const first = entries[0]?.end ?? target;
    this.acknowledge(first);
    this.gone += first - before;
    await this.seek(first);
  }

  private async seek(to: number): Promise<void> {
    await this.segment?.close();
    this.segment = undefined;
    this.rest = Buffer.alloc(0);
    this.at = to;
  }

  /** Waits until the log changes, `wakeUp` is called, or the time is over. */
  async wait(milliseconds = PATIENCE): Promise<void> {
    this.watch();
    if (this.changed) {
      this.changed = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.wake?.(), Math.min(milliseconds, PATIENCE));
      this.wake = () => {
        this.wake = undefined;
        clearTimeout(timer);
        resolve();
      };
    });
    this.changed = false;
  }

  wakeUp(): void {
    this.changed = true;
    this.wake?.();
  }

  async close(): Promise<void> {
    this.watcher?.close();
    this.wakeUp();
    await this.segment?.close();
    this.segment = undefined;
    closeSync(this.position);
  }

  private watch(): void {
    if (this.watcher) return;
    try {
      this.watcher = watch(this.folder, () => this.wakeUp());
      this.watcher.on('error', () => undefined);
    } catch {
      // Out of inotify watches: the timer alone must do.
    }
  }

  private state(): { base: bigint; inode: bigint; delivered: bigint } {
    const bytes = Buffer.alloc(24);
    readSync(this.position, bytes, 0, 24, 0);
    return {
      base: bytes.readBigUInt64LE(0),
      inode: bytes.readBigUInt64LE(8),
      delivered: bytes.readBigUInt64LE(DELIVERED_AT),
    };
  }

  /** At a file's end: the next block of the one that follows, if there is one. */
  private async goOn(): Promise<Buffer | undefined> {
    const old = this.segment!;
    const next = await this.locate();
    if (!next || next.start === old.start) {
      await next?.close();
      return undefined;
    }
    // It was written to between its end was met and the rotation.
    const late = await old.next();
    if (late) {
      await next.close();
      return late;
    }
    await old.close();
    this.segment = next;
    this.rest = Buffer.alloc(0);
    return next.next();
  }

  private split(block: Buffer): Entry[] {
    const entries: Entry[] = [];
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, block]) : block;
    const begin = this.at - this.rest.length;
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      const entry = this.reader.read(bytes.subarray(from, end), begin + end + 1);
      from = end + 1;
      if (entry) entries.push(entry);
    }
    this.rest = Buffer.from(bytes.subarray(from));
    this.at += block.length;
    return entries;
  }

  /** Opens the file that `at` is in; of one that is gone, the oldest there is. */
  private async locate(): Promise<Segment | undefined> {
    for (let tries = 1; ; tries += 1) {
      const found = await this.tryLocate(tries === LOCATE_TRIES);
      if (found !== 'again') return found;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  private async tryLocate(lastTry: boolean): Promise<Segment | undefined | 'again'> {
    const state = this.state();
    const file = await open(this.path, 'r').catch(() => undefined);
    if (!file) return undefined;
    let base = Number(state.base);
    if ((await file.stat({ bigint: true })).ino !== state.inode) {
      // Within a rotation, or after one whose supervisor was killed before it could say so.
      const first = await openRotated(`${this.path}.1`);
      await first?.file.close();
      if (!lastTry) {
        await file.close();
        return 'again';
      }
      if (first && first.inode === state.inode) base += first.size;
    }
    if (this.at >= base) return plainSegment(file, base, this.at - base);
    await file.close();
    const older = await this.olderSegment(base);
    if (this.state().base === state.base || lastTry) return older ?? this.newest(base);
    await older?.close();
    return 'again';
  }

  private async olderSegment(base: number): Promise<Segment | undefined> {
    let start = base;
    let oldest: Awaited<ReturnType<typeof openRotated>>;
    for (let number = 1; ; number += 1) {
      const file = await openRotated(`${this.path}.${number}`);
      if (!file) break;
      await oldest?.file.close();
      oldest = file;
      start -= file.size;
      if (this.at >= start) break;
    }
    if (!oldest) return undefined;
    this.lose(start);
    const make = oldest.packed ? packedSegment : plainSegment;
    return make(oldest.file, start, this.at - start);
  }

  private async newest(base: number): Promise<Segment | undefined> {
    const file = await open(this.path, 'r').catch(() => undefined);
    if (!file) return undefined;
    this.lose(base);
    return plainSegment(file, base, this.at - base);
  }

  /** Entries before `start` are not there any more: they are counted as gone. */
  private lose(start: number): void {
    if (this.at >= start) return;
    this.gone += start - this.at;
    this.at = start;
    this.rest = Buffer.alloc(0);
  }
}
