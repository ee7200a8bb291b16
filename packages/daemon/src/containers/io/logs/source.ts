import { type FileHandle, open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { log } from '../../../base/log.ts';

/*
 * The files of a container's log, newest and rotated ones, and where to begin in them.
 */

/** How much is read at once, in bytes. A follower whose client does not read holds a few of these. */
export const BLOCK = 128 * 1024;
export const NEWLINE = 0x0a;
/** A rotation while the files are opened would show one of them twice, or not at all: then they are opened anew. */
const OPEN_TRIES = 20;

/** The open files of a log. */
export interface Source {
  /** The parts of rotated files to read, oldest first. */
  before: Older[];
  file: FileHandle | undefined;
  /** The identity of `file`, as `device:inode`. */
  identity: string;
  /** The file's size when it was opened, in bytes. */
  size: number;
  /** The offset in `file` to begin at, in bytes. */
  offset: number;
  /** The offset in `file` to end at, in bytes; Infinity: the end of the file. */
  end: number;
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

/** Opens a log's files; `tail`: lines from the end that are wanted, negative: all. */
export async function openSource(path: string, tail: number): Promise<Source> {
  for (let tries = 1; ; tries += 1) {
    const source = await openFiles(path, tail);
    if (tries === OPEN_TRIES || (await identityOf(stat(path, { bigint: true }))) === source.identity)
      return source;
    await closeSource(source);
  }
}

/** Closes a log's files, whatever state they are in. */
export async function closeSource(source: Source): Promise<void> {
  for (const { file } of source.before) await file.close().catch(() => undefined);
  await source.file?.close().catch(() => undefined);
}

/** Blocks of whole lines of a rotated file. */
export async function* linesOf(older: Older): AsyncGenerator<Buffer> {
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

async function identityOf(status: Promise<{ dev: bigint; ino: bigint }> | undefined): Promise<string> {
  const found = await status?.catch(() => undefined);
  return found ? `${found.dev}:${found.ino}` : '';
}

async function openOlder(path: string): Promise<Older | undefined> {
  const plain = await open(path, 'r').catch(() => undefined);
  const file = plain ?? (await open(`${path}.gz`, 'r').catch(() => undefined));
  return file && { file, packed: !plain, offset: 0, skip: 0 };
}

async function countLines(older: Older): Promise<number> {
  let lines = 0;
  for await (const block of bytesOf(older))
    for (let at = block.indexOf(NEWLINE); at !== -1; at = block.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** The offset at which the last `wanted` lines of a file begin, in bytes, found from its end. */
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

async function* blocksOf(file: FileHandle, offset: number): AsyncGenerator<Buffer> {
  for (let at = offset; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(BLOCK), 0, BLOCK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
