import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type TranscodeOptions, Transcoder } from './transcode.ts';

const unzip = promisify(gunzip);

const BLOCK = 1024 * 1024;
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
  const transcoder = new Transcoder(options);
  const source = await openSource(path, options.tail);
  try {
    for (const block of source.before) {
      for (let at = 0; at < block.length && !transcoder.finished; ) {
        const end =
          at + BLOCK >= block.length ? block.length : block.indexOf(NEWLINE, at + BLOCK) + 1 || block.length;
        const frames = transcoder.push(block.subarray(at, end));
        if (frames.length > 0) yield frames;
        at = end;
      }
    }
    if (!transcoder.finished && source.file) yield* readFiles(path, source, transcoder, options);
  } finally {
    await source.file?.close().catch(() => undefined);
  }
}

interface Source {
  /** What is kept of rotated files, oldest first. */
  before: Buffer[];
  file: FileHandle | undefined;
  /** Where to begin in `file`. */
  offset: number;
}

async function openSource(path: string, tail: number): Promise<Source> {
  const file = await open(path, 'r').catch(() => undefined);
  const size = file ? (await file.stat()).size : 0;
  if (tail === 0) return { before: [], file, offset: size };
  if (tail < 0) return { before: await rotated(path), file, offset: 0 };
  let missing = tail;
  let offset = 0;
  if (file) {
    const found = await fromEnd(file, size, tail);
    offset = found.offset;
    missing -= found.lines;
  }
  if (missing <= 0) return { before: [], file, offset };
  const before: Buffer[] = [];
  for (const block of (await rotated(path)).reverse()) {
    const start = lastLines(block, missing);
    before.unshift(block.subarray(start.offset));
    missing -= start.lines;
    if (missing <= 0) break;
  }
  return { before, file, offset };
}

/** The rotated files' contents, oldest first. */
async function rotated(path: string): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for (let number = 1; ; number += 1) {
    const plain = await readFile(`${path}.${number}`).catch(() => undefined);
    const block =
      plain ??
      (await readFile(`${path}.${number}.gz`).then(
        (packed) => unzip(packed),
        () => undefined,
      ));
    if (!block) return blocks.reverse();
    blocks.push(block);
  }
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

function lastLines(block: Buffer, wanted: number): { offset: number; lines: number } {
  let lines = 0;
  for (let at = block.length - 2; at >= 0; at -= 1) {
    at = block.lastIndexOf(NEWLINE, at);
    if (at === -1) break;
    lines += 1;
    if (lines === wanted) return { offset: at + 1, lines };
  }
  return { offset: 0, lines: block.length > 0 ? lines + 1 : 0 };
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
      const { bytesRead } = await source.file!.read(buffer, rest.length, buffer.length - rest.length, offset);
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
        await source.file!.close();
        source.file = newer;
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
  const same = (status: { ino: number; dev: number } | undefined) =>
    status !== undefined && status.ino === own.ino && status.dev === own.dev;
  if (same(await stat(path).catch(() => undefined))) return undefined;
  for (let number = 1; ; number += 1) {
    const status = await stat(`${path}.${number}`).catch(() => undefined);
    if (!status) break;
    if (same(status)) {
      const next = number === 1 ? path : `${path}.${number - 1}`;
      return open(next, 'r').catch(() => undefined);
    }
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
