import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

/*
 * A disk that can lose its power: a FUSE file system (fuse(4), the kernel's <linux/fuse.h>) with one file, `disk`, to be
 * attached as a loop device. What was written is durable once the device was flushed (fsync); of what came after the last
 * flush, a cut keeps a random part, as the cache of a real disk does: nothing, all, a beginning, some requests, or some
 * blocks of them. Words written to the file `control`: `cut SEED` (from now on, nothing reaches the disk), `on` (the disk
 * has what the cut left).
 *
 * Runs as a process of its own: `node power-disk.ts MOUNTPOINT MEGABYTES`; prints a line when it is mounted. One loop of
 * blocking calls: a request is answered before the next is read, so a cut falls between two of them.
 */

const [, , mountpoint = '', megabytes = '256'] = process.argv;
const SIZE = Number(megabytes) * 2 ** 20;
const BLOCK = 4096;

// enum fuse_opcode
const LOOKUP = 1;
const FORGET = 2;
const GETATTR = 3;
const SETATTR = 4;
const OPEN = 14;
const READ = 15;
const WRITE = 16;
const STATFS = 17;
const RELEASE = 18;
const FSYNC = 20;
const FLUSH = 25;
const INIT = 26;
const OPENDIR = 27;
const RELEASEDIR = 29;
const ACCESS = 34;
const INTERRUPT = 36;
const DESTROY = 38;
const BATCH_FORGET = 42;

const ENOENT = 2;
const ENOSYS = 38;
const ENODEV = 19;
const HEADER = 40;
const MAX_WRITE = 1 << 20;
const FUSE_BIG_WRITES = 1 << 5;
const FUSE_MAX_PAGES = 1 << 22;

const [ROOT, DISK, CONTROL] = [1n, 2n, 3n];
const names = new Map([
  ['disk', DISK],
  ['control', CONTROL],
]);

/** The bytes that reads see. */
const current = Buffer.alloc(SIZE);
/** The bytes that a cut can't take away. */
const durable = Buffer.alloc(SIZE);
/** Writes since the last flush. */
let pending: Array<{ offset: number; data: Buffer }> = [];
let powered = true;

function write(offset: number, data: Buffer): void {
  data.copy(current, offset);
  if (powered) pending.push({ offset, data: Buffer.from(data) });
}

function flush(): void {
  if (!powered) return;
  for (const { offset, data } of pending) data.copy(durable, offset);
  pending = [];
}

/** xorshift32: the same seed cuts alike. */
function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function cut(seed: number): void {
  if (!powered) return;
  powered = false;
  const next = random(seed);
  const kind = Math.floor(next() * 5);
  const beginning = Math.floor(next() * (pending.length + 1));
  for (const [index, { offset, data }] of pending.entries()) {
    if (kind === 0 || (kind === 2 && index >= beginning) || (kind === 3 && next() < 0.5)) continue;
    for (let at = 0; at < data.length; at += BLOCK)
      if (kind !== 4 || next() < 0.5) data.copy(durable, offset + at, at, at + BLOCK);
  }
  pending = [];
}

function control(text: string): void {
  const [word, seed] = text.trim().split(' ');
  if (word === 'cut') cut(Number(seed));
  if (word !== 'on') return;
  durable.copy(current);
  powered = true;
}

function attributes(out: Buffer, at: number, node: bigint): void {
  const folder = node === ROOT;
  out.writeBigUInt64LE(node, at);
  out.writeBigUInt64LE(BigInt(node === DISK ? SIZE : 0), at + 8);
  out.writeBigUInt64LE(BigInt(node === DISK ? SIZE / 512 : 0), at + 16);
  out.writeUInt32LE(folder ? 0o40700 : 0o100600, at + 60);
  out.writeUInt32LE(1, at + 64);
  out.writeUInt32LE(BLOCK, at + 80);
}

const ATTRIBUTES_SIZE = 88;

function entry(name: string): Buffer | number {
  const node = names.get(name);
  if (node === undefined) return ENOENT;
  const out = Buffer.alloc(40 + ATTRIBUTES_SIZE);
  out.writeBigUInt64LE(node, 0);
  out.writeBigUInt64LE(3600n, 16);
  out.writeBigUInt64LE(3600n, 24);
  attributes(out, 40, node);
  return out;
}

function greeting(request: Buffer): Buffer {
  const out = Buffer.alloc(64);
  out.writeUInt32LE(7, 0);
  out.writeUInt32LE(31, 4);
  out.writeUInt32LE(request.readUInt32LE(HEADER + 8), 8);
  out.writeUInt32LE(FUSE_BIG_WRITES | FUSE_MAX_PAGES, 12);
  out.writeUInt16LE(16, 16);
  out.writeUInt16LE(12, 18);
  out.writeUInt32LE(MAX_WRITE, 20);
  out.writeUInt32LE(1, 24);
  out.writeUInt16LE(MAX_WRITE / BLOCK, 28);
  return out;
}

/** The reply's body, an error number, or nothing for what has no reply. */
function answer(opcode: number, node: bigint, request: Buffer): Buffer | number | undefined {
  switch (opcode) {
    case INIT:
      return greeting(request);
    case LOOKUP:
      return entry(request.toString('utf8', HEADER, request.length - 1));
    case GETATTR:
    case SETATTR: {
      const out = Buffer.alloc(16 + ATTRIBUTES_SIZE);
      out.writeBigUInt64LE(3600n, 0);
      attributes(out, 16, node);
      return out;
    }
    case OPEN:
    case OPENDIR:
      return Buffer.alloc(16);
    case READ: {
      const offset = Number(request.readBigUInt64LE(HEADER + 8));
      return node === DISK
        ? current.subarray(offset, offset + request.readUInt32LE(HEADER + 16))
        : Buffer.alloc(0);
    }
    case WRITE: {
      const offset = Number(request.readBigUInt64LE(HEADER + 8));
      const size = request.readUInt32LE(HEADER + 16);
      const data = request.subarray(HEADER + 40, HEADER + 40 + size);
      if (node === CONTROL) control(data.toString());
      else write(offset, data);
      const out = Buffer.alloc(8);
      out.writeUInt32LE(size, 0);
      return out;
    }
    case FSYNC:
      flush();
      return Buffer.alloc(0);
    case STATFS:
      return Buffer.alloc(80);
    case FLUSH:
    case RELEASE:
    case RELEASEDIR:
    case ACCESS:
    case DESTROY:
      return Buffer.alloc(0);
    case FORGET:
    case BATCH_FORGET:
    case INTERRUPT:
      return undefined;
    default:
      return ENOSYS;
  }
}

function serve(fd: number): void {
  const buffer = Buffer.alloc(MAX_WRITE + 2 * BLOCK);
  for (;;) {
    let length: number;
    try {
      length = readSync(fd, buffer, 0, buffer.length, null);
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      if (code === 'ENODEV' || errno === -ENODEV) return; // unmounted
      if (code === 'ENOENT' || code === 'EINTR' || code === 'EAGAIN') continue; // it was interrupted
      throw error;
    }
    const request = buffer.subarray(0, length);
    const body = answer(request.readUInt32LE(4), request.readBigUInt64LE(16), request);
    if (body === undefined) continue;
    const head = Buffer.alloc(16);
    const data = typeof body === 'number' ? Buffer.alloc(0) : body;
    head.writeUInt32LE(head.length + data.length, 0);
    head.writeInt32LE(typeof body === 'number' ? -body : 0, 4);
    request.copy(head, 8, 8, 16);
    const reply = Buffer.concat([head, data]);
    try {
      writeSync(fd, reply);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // nobody waits for it any more
    }
  }
}

const fd = openSync('/dev/fuse', constants.O_RDWR);
const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,max_read=1048576';
const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'power-disk', mountpoint], {
  stdio: ['ignore', 'inherit', 'inherit', fd],
});
if (mounted.status !== 0) process.exit(1);
process.stdout.write('mounted\n');
serve(fd);
closeSync(fd);
