import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { PassThrough, type Readable, Readable as Readables } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { endWhenStopped } from '@berth/native/watchdog.ts';
import { invalidParameter, systemError } from '../../base/errors.ts';
import type { Compression } from '../api.ts';

/** The first bytes of compressed streams, as moby's archive package tells them apart. */
const MAGIC: Array<[Compression, number[]]> = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** Bytes that are enough to tell a stream's compression. */
export const HEAD_SIZE = 6;

/** Tells a stream's compression from its first bytes. A skippable frame of zstd (0x184d2a5?) counts as zstd. */
export function compressionOf(head: Uint8Array): Compression {
  for (const [name, magic] of MAGIC)
    if (head.length >= magic.length && magic.every((byte, index) => head[index] === byte)) return name;
  if (
    head.length >= 4 &&
    (head[0]! & 0xf0) === 0x50 &&
    head[1] === 0x2a &&
    head[2] === 0x4d &&
    head[3] === 0x18
  )
    return 'zstd';
  return 'none';
}

/** The programs for each compression, best first; gzip and zstd are also in Node. */
const PROGRAMS: Record<Exclude<Compression, 'none'>, string[][]> = {
  gzip: [
    ['igzip', '-dc'],
    ['pigz', '-dc'],
  ],
  zstd: [['zstd', '-dcq']],
  bzip2: [
    ['pbzip2', '-dcq'],
    ['bzip2', '-dc'],
  ],
  xz: [['xz', '-dcq']],
};

const found = new Map<Compression, string[] | null>();

/** The program that decompresses such a stream from its standard input, or null when this host has none. */
export function programFor(compression: Compression): string[] | null {
  if (compression === 'none') return null;
  let command = found.get(compression);
  if (command === undefined) {
    command = null;
    for (const [name, ...rest] of PROGRAMS[compression]) {
      const path = ['/usr/bin', '/bin', '/usr/local/bin']
        .map((folder) => `${folder}/${name}`)
        .find(executable);
      if (path === undefined) continue;
      command = [path, ...rest];
      break;
    }
    found.set(compression, command);
  }
  return command;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Decompresses within this process, for hosts without a program. @throws system when Node cannot. */
export function inProcess(compression: Compression): NodeJS.ReadWriteStream {
  if (compression === 'gzip') return createGunzip();
  if (compression === 'zstd') return createZstdDecompress();
  throw systemError(`this host has no program that decompresses ${compression}`);
}

/** The first bytes of a stream, and the stream with them still in it. @throws what the stream fails with */
export async function peek(given: Readable, size = HEAD_SIZE): Promise<{ head: Buffer; body: Readable }> {
  // Streams of tar-stream are not Node's own and lack part of what is needed here.
  const stream = given instanceof Readables ? given : Readables.from(given, { objectMode: false });
  const parts: Buffer[] = [];
  let length = 0;
  while (length < size) {
    const chunk = stream.read() as Buffer | string | null;
    if (chunk !== null) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      parts.push(bytes);
      length += bytes.length;
      continue;
    }
    if (stream.readableEnded) break;
    if (stream.destroyed) throw stream.errored ?? new Error('the stream was closed too early');
    await change(stream);
  }
  const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  const head = all.subarray(0, size);
  if (stream.readableEnded)
    return { head, body: Readables.from(length > 0 ? [all] : [], { objectMode: false }) };
  if (length > 0) stream.unshift(all);
  return { head, body: stream };
}

function change(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => {
      for (const event of ['readable', 'end', 'close']) stream.off(event, settled);
      stream.off('error', settle);
      if (error) reject(error);
      else resolve();
    };
    const settled = () => settle();
    for (const event of ['readable', 'end', 'close']) stream.on(event, settled);
    stream.on('error', settle);
  });
}

/**
 * The content of a stream that may be compressed (gzip, zstd, bzip2, xz; told by its first bytes). The result fails
 * with invalid-parameter when the stream is corrupt or cut off; destroying it stops the source, too.
 */
export async function decompressed(stream: Readable): Promise<Readable> {
  const { head, body } = await peek(stream);
  const compression = compressionOf(head);
  if (compression === 'none') return body;
  const out = new PassThrough({ highWaterMark: 1 << 20 });
  const command = programFor(compression);
  if (command === null) through(body, inProcess(compression), out);
  else byProgram(body, command, out);
  return out;
}

function through(source: Readable, engine: NodeJS.ReadWriteStream, out: PassThrough): void {
  engine.on('error', (error) => out.destroy(broken(error)));
  engine.pipe(out);
  feed(source, engine, out);
}

function byProgram(source: Readable, command: string[], out: PassThrough): void {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'ignore'], env: {} });
  endWhenStopped(child);
  child.on('error', (error) => out.destroy(systemError(`${command[0]}: ${error.message}`, error)));
  child.stdin.on('error', () => undefined); // it has ended; its status tells why
  child.stdout.pipe(out, { end: false });
  child.on('close', (status) => {
    if (status === 0) out.end();
    else out.destroy(broken());
  });
  out.on('close', () => child.kill('SIGKILL'));
  feed(source, child.stdin, out);
}

/** Not `pipeline`: a source that breaks off must not look like one that ended. */
function feed(source: Readable, to: NodeJS.WritableStream, out: PassThrough): void {
  source.on('error', (error) => out.destroy(error));
  source.on('close', () => {
    if (!source.readableEnded) out.destroy(broken());
  });
  out.on('close', () => source.destroy());
  source.pipe(to);
}

function broken(cause?: unknown): Error {
  return invalidParameter('unexpected EOF', cause);
}
