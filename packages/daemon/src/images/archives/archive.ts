import { spawn } from 'node:child_process';
import { Duplex, PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { endWhenStopped } from '@berth/native/watchdog.ts';
import { extract } from 'tar-stream';
import { BerthError, systemError } from '../../base/errors.ts';

const BLOCK = 512;

/** How a stream is compressed, told by its first bytes. */
export function compressionOf(head: Buffer): 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz' {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))) return 'zstd';
  // A frame that decoders skip may come first (RFC 8878, 3.1.2).
  if ((head[0]! & 0xf0) === 0x50 && head.subarray(1, 4).equals(Buffer.from([0x2a, 0x4d, 0x18])))
    return 'zstd';
  if (head.subarray(0, 3).toString('latin1') === 'BZh') return 'bzip2';
  if (head.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]))) return 'xz';
  return 'none';
}

/** Reads at least `bytes` bytes ahead; the returned stream has them again. */
export async function peek(
  source: AsyncIterable<Buffer>,
  bytes: number,
): Promise<{ head: Buffer; stream: Readable }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let size = 0;
  let done = false;
  while (size < bytes && !done) {
    const next = await iterator.next();
    if (next.done) done = true;
    else {
      chunks.push(next.value);
      size += next.value.length;
    }
  }
  const head = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head;
      while (!done) {
        const next = await iterator.next();
        if (next.done) done = true;
        else yield next.value;
      }
    } finally {
      if (!done) await iterator.return?.();
    }
  }
  return { head, stream: Readable.from(all(), { objectMode: false, highWaterMark: 1 << 18 }) };
}

/** An archive's stream, uncompressed whatever it came as. */
async function uncompressed(source: Readable): Promise<Readable> {
  const { head, stream } = await peek(source, 6);
  const kind = compressionOf(head);
  if (kind === 'none') return stream;
  const decoder = kind === 'bzip2' || kind === 'xz' ? programDecoder(kind) : zlibDecoder(kind);
  return pipeline(stream, decoder, () => undefined) as unknown as Readable;
}

function zlibDecoder(kind: 'gzip' | 'zstd'): Duplex {
  return kind === 'gzip'
    ? createGunzip({ chunkSize: 1 << 16 })
    : createZstdDecompress({ chunkSize: 1 << 16 });
}

/** bzip2 and xz are rare enough to be left to their own programs. */
function programDecoder(name: 'bzip2' | 'xz'): Duplex {
  const child = spawn(name, ['-dc'], { stdio: ['pipe', 'pipe', 'ignore'] });
  endWhenStopped(child);
  const input = new PassThrough();
  const output = new PassThrough();
  input.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  child.stdout.pipe(output, { end: false });
  child.on('error', (error) => output.destroy(systemError(`cannot run ${name} to unpack: ${error.message}`)));
  child.on('close', (code) => {
    if (code === 0) output.end();
    else output.destroy(systemError(`${name} could not unpack the archive`));
  });
  output.on('close', () => child.kill());
  return Duplex.from({ writable: input, readable: output });
}

/** One entry of an archive; its content must be read to its end (or left) before the next one comes. */
export interface ArchiveEntry {
  name: string;
  type: string | null | undefined;
  size: number;
  linkname: string;
  content: AsyncIterable<Buffer>;
}

/**
 * Walks an archive's entries as they stream by; nothing is written anywhere, so names can do no harm.
 * @throws system with the texts of Go's tar reader, which clients know.
 */
export async function* archiveEntries(source: Readable): AsyncGenerator<ArchiveEntry> {
  const reader = extract();
  const plain = await uncompressed(source);
  plain.on('error', (error) => reader.destroy(error));
  plain.pipe(reader as unknown as NodeJS.WritableStream);
  // Not `for await`: leaving early would wait for the reader to close, which it never does amid an entry.
  const entries = reader[Symbol.asyncIterator]();
  try {
    for (let next = await entries.next(); !next.done; next = await entries.next()) {
      const entry = next.value;
      const { name, type, size, linkname } = entry.header;
      yield {
        name,
        type,
        size: size ?? 0,
        linkname: linkname ?? '',
        content: entry as unknown as AsyncIterable<Buffer>,
      };
      entry.resume();
    }
  } catch (error) {
    throw archiveError(error);
  } finally {
    plain.unpipe();
    plain.destroy();
    reader.destroy();
  }
}

/** The reader's errors as dockerd tells them. */
export function archiveError(error: unknown): unknown {
  if (error instanceof BerthError) return error;
  const { message = '', code } = error as { message?: string; code?: unknown };
  if (/invalid tar header/i.test(message)) return systemError('archive/tar: invalid tar header', error);
  if (/unexpected end/i.test(message) || code === 'Z_BUF_ERROR') return systemError('unexpected EOF', error);
  // An abort's code is a number.
  if (typeof code === 'string' && code.startsWith('Z_'))
    return systemError(`gzip: invalid data: ${message}`, error);
  return error;
}

/** Reads an entry's content into memory. */
export async function readAll(content: AsyncIterable<Buffer>, limit: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > limit) throw systemError(`${what} is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A tar header (POSIX ustar; sizes beyond its octal field in GNU's binary form). `mtime` in seconds. */
export function tarHeader(name: string, size: number, mtime: number, folder = false): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100);
  header.write(folder ? '0040755\0' : '0100644\0', 100);
  header.write('0000000\x000000000\0', 108);
  writeNumber(header, size, 124);
  writeNumber(header, Math.max(0, Math.floor(mtime)), 136);
  header.write('        ', 148);
  header.write(folder ? '5' : '0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write('0000000\x000000000\0', 329);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function writeNumber(header: Buffer, value: number, offset: number): void {
  if (value < 0o77777777777) header.write(`${value.toString(8).padStart(11, '0')}\0`, offset);
  else {
    header[offset] = 0x80;
    header.writeBigUInt64BE(BigInt(value), offset + 4);
  }
}

/** Zeros up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** The two zero blocks that end a tar. */
export const tarEnd = Buffer.alloc(2 * BLOCK);
