import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const BLOCK = 128 * 1024;
const TRAILER = 4;

/** One of a log's files, read from somewhere on. */
export interface Segment {
  /** The offset of the file's beginning, in bytes from the log's first. */
  readonly start: number;
  /** The next entry; undefined at the end, which a file that grows has for now only. */
  next(): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

/** A file as it is; `skip` bytes of it are left out. */
export function plainSegment(file: FileHandle, start: number, skip: number): Segment {
  let at = skip;
  return {
    start,
    async next() {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(BLOCK), 0, BLOCK, at);
      at += bytesRead;
      return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}

/** A file that gzip has packed. One that can't be unpacked ends early. */
export function packedSegment(file: FileHandle, start: number, skip: number): Segment {
  const unpacked = Readable.from(blocks(file)).pipe(createGunzip({ chunkSize: BLOCK }));
  const reader = unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let left = skip;
  return {
    start,
    async next() {
      for (;;) {
        const { value, done } = await reader.next().catch(() => ({ value: undefined, done: true }));
        if (done || !value) return undefined;
        if (value.length > left) {
          const block = value.subarray(left);
          left = 0;
          return block;
        }
        left -= value.length;
      }
    },
    async close() {
      unpacked.destroy();
      await file.close();
    },
  };
}

async function* blocks(file: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(BLOCK), 0, BLOCK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A rotated file, if it is there: packed, or as it was. */
export async function openRotated(
  path: string,
): Promise<{ file: FileHandle; packed: boolean; size: number; inode: bigint } | undefined> {
  for (const packed of [false, true]) {
    const file = await open(packed ? `${path}.gz` : path, 'r').catch(() => undefined);
    if (!file) continue;
    const status = await file.stat({ bigint: true });
    const size = packed ? await unpackedSize(file, Number(status.size)) : Number(status.size);
    return { file, packed, size, inode: status.ino };
  }
  return undefined;
}

/** The size before it was packed, from gzip's trailer (RFC 1952, 2.3.1). */
async function unpackedSize(file: FileHandle, size: number): Promise<number> {
  const { buffer, bytesRead } = await file.read(
    Buffer.alloc(TRAILER),
    0,
    TRAILER,
    Math.max(0, size - TRAILER),
  );
  return bytesRead === TRAILER ? buffer.readUInt32LE() : 0;
}
