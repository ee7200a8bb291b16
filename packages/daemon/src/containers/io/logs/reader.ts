import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { log } from '../../../base/log.ts';
import { type TranscodeOptions, Transcoder } from './transcode.ts';

/** A follower whose client does not read holds a few of these. */
const BLOCK = 128 * 1024;
const NEWLINE = 0x0a;
/** How long a follower sleeps at most when the kernel tells it of no change, in milliseconds. */
const PATIENCE = 1000;

export interface ReadOptions extends TranscodeOptions {
  /** Lines from the end; negative: all. */
  tail: number;
  follow: boolean;
  /** True while the file may still grow; asked when its end is reached. */
  growing: () => boolean;
  /** When the follower must stop whatever comes, in milliseconds since the epoch; Infinity: never. */
  deadline: number;
  signal: AbortSignal;
}

/**
 * The lines of a container's log, oldest first, as the API sends them; `path` is the newest file, rotated ones are
 * `path.1`, `path.2.gz` and so on. Following goes on over a rotation.
 */
export async function* readLog(path: string, options: ReadOptions): AsyncGenerator<Buffer> {
  yield* readSource(path, await openSource(path, options.tail), options);
}

/** The same of files that are open already, which it closes. */
export async function* readSource(
  path: string,
  source: Source,
  options: ReadOptions,
): AsyncGenerator<Buffer> {
  const transcoder = new Transcoder(options);
  try {
    for (const older of source.before) {
      for await (const block of linesOf(older)) {
        const frames = transcoder.push(block);
        if (frames.length > 0) yield frames;
        if (transcoder.finished) break;
      }
    }
    if (!transcoder.finished && source.file) yield* readFiles(path, source, transcoder, options);
  } finally {
    await closeSource(source);
  }
}

export async function closeSource(source: Source): Promise<void> {
  for (const { file } of source.before) await file.close().catch(() => undefined);
  await source.file?.close().catch(() => undefined);
}

/** A rotated file, and where to begin in it. */
export interface Older {
  file: FileHandle;
  packed: boolean;
  /** In bytes, where it is not packed. */
  offset: number;
  /** Lines to leave out, where it is. */
  skip: number;
}

/** The open files of a log. */
export interface Source {
  /** The parts of rotated files to read, oldest first. */
  before: Older[];
  file: FileHandle | undefined;
  /** The identity of `file`, as `device:inode`. */
  identity: string;
  /** Its size when it was opened, in bytes. */
  size: number;
  /** Where to begin in `file`. */
  offset: number;
  /** Where to end in `file`; Infinity: where it ends. */
  end: number;
}

/** A rotation while the files are opened would show one of them twice, or not at all: then they are opened anew. */
const OPEN_TRIES = 20;

/** Opens a log's files; `tail`: lines from the end that are wanted, negative: all. */
export async function openSource(path: string, tail: number): Promise<Source> {
  for (let tries = 1; ; tries += 1) {
    const source = await openFiles(path, tail);
    if (tries === OPEN_TRIES || (await identityOf(stat(path, { bigint: true }))) === source.identity)
      return source;
    await closeSource(source);
  }
}

async function identityOf(status: Promise<{ dev: bigint; ino: bigint }> | undefined): Promise<string> {
  const found = await status?.catch(() => undefined);
  return found ? `${found.dev}:${found.ino}` : '';
}

async function openFiles(path: string, tail: number): Promise<Source> {
  const file = await open(path, 'r').catch(() => undefined);
  const size = file ? (await file.stat()).size : 0;
  const identity = await identityOf(file?.stat({ bigint: true }));
  const newest = { file, identity, size, end: Number.POSITIVE_INFINITY };
  if (tail === 0) return { ...newest, before: [], offset: size };
  let missing = tail < 0 ? Number.POSITIVE_INFINITY : tail;
  let offset = 0;
  if (file && tail > 0) {
    const found = await fromEnd(file, size, tail);
    offset = found.offset;
    missing -= found.lines;
  }
  const before: Older[] = [];
  for (let number = 1; missing > 0; number += 1) {
    const older = await openOlder(`${path}.${number}`);
    if (!older) break;
    before.unshift(older);
    if (tail < 0) continue;
    if (older.packed) {
      const lines = await countLines(older);
      older.skip = Math.max(0, lines - missing);
      missing -= lines;
    } else {
      const found = await fromEnd(older.file, (await older.file.stat()).size, missing);
      older.offset = found.offset;
      missing -= found.lines;
    }
  }
  return { ...newest, before, offset };
}

async function openOlder(path: string): Promise<Older | undefined> {
  const plain = await open(path, 'r').catch(() => undefined);
  const file = plain ?? (await open(`${path}.gz`, 'r').catch(() => undefined));
  return file && { file, packed: !plain, offset: 0, skip: 0 };
}

async function* blocksOf(file: FileHandle, offset: number): AsyncGenerator<Buffer> {
  for (let at = offset; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(BLOCK), 0, BLOCK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A rotated file's bytes; one that cannot be unpacked (the machine lost power) ends early. Nothing holds all of it. */
async function* bytesOf({ file, packed, offset }: Older): AsyncGenerator<Buffer> {
  const blocks = blocksOf(file, offset);
  if (!packed) return yield* blocks;
  const source = Readable.from(blocks);
  const unpacked = createGunzip({ chunkSize: BLOCK });
  source.on('error', (error) => unpacked.destroy(error));
  try {
    yield* source.pipe(unpacked);
  } catch (error) {
    log.warn({ err: error }, 'a rotated log cannot be unpacked');
  } finally {
    source.destroy();
  }
}

async function countLines(older: Older): Promise<number> {
  let lines = 0;
  for await (const block of bytesOf(older))
    for (let at = block.indexOf(NEWLINE); at !== -1; at = block.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** Blocks of whole lines of a rotated file. */
async function* linesOf(older: Older): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let { skip } = older;
  for await (const bytes of bytesOf(older)) {
    const block = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    let from = 0;
    for (let end = 0; skip > 0 && end !== -1; ) {
      end = block.indexOf(NEWLINE, from);
      if (end === -1) continue;
      from = end + 1;
      skip -= 1;
    }
    const to = skip > 0 ? from : block.lastIndexOf(NEWLINE) + 1;
    if (to > from) yield block.subarray(from, to);
    rest = block.subarray(Math.max(from, to));
  }
  if (rest.length > 0 && skip === 0) yield rest;
}

/** Where the last `wanted` lines of a file begin, found from its end. */
async function fromEnd(
  file: FileHandle,
  size: number,
  wanted: number,
): Promise<{ offset: number; lines: number }> {
  let lines = 0;
  let end = size;
  const buffer = Buffer.allocUnsafe(Math.min(BLOCK, Math.max(size, 1)));
  while (end > 0) {
    const start = Math.max(0, end - buffer.length);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let at = bytesRead - 1; ; at -= 1) {
      at = at < 0 ? -1 : buffer.lastIndexOf(NEWLINE, at);
      if (at === -1) break;
      // The newline at the very end ends the last line.
      if (start + at === size - 1) continue;
      lines += 1;
      if (lines === wanted) return { offset: start + at + 1, lines };
    }
    end = start;
  }
  return { offset: 0, lines: size > 0 ? lines + 1 : 0 };
}

async function* readFiles(
  path: string,
  source: Source,
  transcoder: Transcoder,
  options: ReadOptions,
): AsyncGenerator<Buffer> {
  const changes = options.follow ? new Changes(path, options.signal) : undefined;
  let rest = Buffer.alloc(0);
  let { offset } = source;
  let buffer = Buffer.allocUnsafe(BLOCK);
  try {
    while (!options.signal.aborted && !transcoder.finished) {
      // Asked before the read: what is written after a "no" would have been seen by it.
      const growing = options.follow && options.growing() && Date.now() < options.deadline;
      const room = Math.min(buffer.length - rest.length, source.end - offset);
      if (room <= 0) return;
      const { bytesRead } = await source.file!.read(buffer, rest.length, room, offset);
      offset += bytesRead;
      if (bytesRead > 0) {
        const filled = buffer.subarray(0, rest.length + bytesRead);
        const whole = filled.lastIndexOf(NEWLINE) + 1;
        if (whole > 0) {
          const frames = transcoder.push(filled.subarray(0, whole));
          if (frames.length > 0) yield frames;
        }
        rest = filled.subarray(whole);
        // The line that is not whole yet is put in front; a line longer than the buffer makes it grow.
        const next = rest.length > buffer.length / 2 ? Buffer.allocUnsafe(buffer.length * 2) : buffer;
        rest.copy(next);
        rest = next.subarray(0, rest.length);
        buffer = next;
        continue;
      }
      const newer = await successor(path, source.file!);
      if (newer) {
        // What was written between its end was met and the rotation is still to be read.
        if ((await source.file!.stat()).size > offset) {
          await newer.close();
          continue;
        }
        await source.file!.close();
        source.file = newer;
        source.end = Number.POSITIVE_INFINITY;
        offset = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      if (!growing) return;
      await changes!.wait(Math.min(PATIENCE, options.deadline - Date.now()));
    }
  } finally {
    changes?.close();
  }
}

/** The file that follows this one after a rotation; undefined while it is the newest. */
async function successor(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const own = await file.stat();
  const isOwn = async (name: string): Promise<boolean | undefined> => {
    const status = await stat(name).catch(() => undefined);
    return status && status.ino === own.ino && status.dev === own.dev;
  };
  if (await isOwn(path)) return undefined;
  for (let number = 1; ; number += 1) {
    const found = await isOwn(`${path}.${number}`);
    if (found === undefined) break;
    if (!found) continue;
    const next = await open(number === 1 ? path : `${path}.${number - 1}`, 'r').catch(() => undefined);
    if (await isOwn(`${path}.${number}`)) return next;
    // Rotated again meanwhile: that was the file after the next.
    await next?.close();
  }
  // Rotated away altogether (or packed): go on with the newest.
  return open(path, 'r').catch(() => undefined);
}

/** Sleeps until the log's folder changes. */
class Changes {
  private readonly watcher: FSWatcher | undefined;
  private changed = false;
  private wake: (() => void) | undefined;
  private readonly aborted: () => void;
  private readonly signal: AbortSignal;

  constructor(path: string, signal: AbortSignal) {
    this.signal = signal;
    this.aborted = () => this.notify();
    signal.addEventListener('abort', this.aborted);
    try {
      this.watcher = watch(dirname(path), () => this.notify());
      this.watcher.on('error', () => undefined);
    } catch {
      // Out of inotify watches: the timer alone must do.
    }
  }

  wait(milliseconds: number): Promise<void> {
    if (this.changed || this.signal.aborted || milliseconds <= 0) {
      this.changed = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.notify(), milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        this.changed = false;
        resolve();
      };
    });
  }

  /** Wakes the reader: something was written, or the container ended. */
  notify(): void {
    this.changed = true;
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  close(): void {
    this.signal.removeEventListener('abort', this.aborted);
    this.watcher?.close();
  }
}
