import { Transform } from 'node:stream';
import type { Job } from '../job.ts';
import type { Vertex } from '../progress/progress.ts';
import type { StageResult } from '../steps/step.ts';

const BLOCK = 512;

/** Sets the times in a tar that are later than `seconds` to it, and leaves all else as it is. */
function clampTimes(seconds: number): Transform {
  let pending: Buffer = Buffer.alloc(0);
  /** Bytes of a file, with their padding, that pass through unread. */
  let passing = 0;
  function* read(bytes: Buffer): Generator<Buffer> {
    pending = pending.length > 0 ? Buffer.concat([pending, bytes]) : bytes;
    while (pending.length > 0) {
      if (passing > 0) {
        const part = pending.subarray(0, passing);
        passing -= part.length;
        pending = pending.subarray(part.length);
        yield part;
        continue;
      }
      if (pending.length < BLOCK) return;
      const header = Buffer.from(pending.subarray(0, BLOCK));
      const size = sizeOf(header);
      const padded = Math.ceil(size / BLOCK) * BLOCK;
      if (String.fromCharCode(header[156]!) === 'x') {
        if (pending.length < BLOCK + padded) return;
        const records = clampRecords(pending.subarray(BLOCK, BLOCK + size), seconds);
        pending = pending.subarray(BLOCK + padded);
        yield withChecksum(header, records.length, seconds);
        yield Buffer.concat([records, Buffer.alloc((BLOCK - (records.length % BLOCK)) % BLOCK)]);
        continue;
      }
      pending = pending.subarray(BLOCK);
      passing = padded;
      // The end of an archive is blocks of zeros.
      yield header.every((byte) => byte === 0) ? header : withChecksum(header, undefined, seconds);
    }
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const part of read(chunk)) this.push(Buffer.from(part));
      done();
    },
    flush(done) {
      done(pending.length > 0 || passing > 0 ? new Error('the tar of a layer ends within an entry') : null);
    },
  });
}

/** A size in octal digits, or in GNU's binary form. */
function sizeOf(header: Buffer): number {
  if ((header[124]! & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  return Number.parseInt(header.toString('latin1', 124, 136).replaceAll('\0', '').trim() || '0', 8);
}

function withChecksum(header: Buffer, size: number | undefined, seconds: number): Buffer {
  if (size !== undefined) header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  const binary = (header[136]! & 0x80) !== 0;
  const mtime = binary
    ? Number(header.readBigInt64BE(140))
    : Number.parseInt(header.toString('latin1', 136, 148).replaceAll('\0', '').trim() || '0', 8);
  if (mtime > seconds) header.write(`${seconds.toString(8).padStart(11, '0')}\0`, 136, 'latin1');
  header.write('        ', 148, 'latin1');
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** The records of a PAX header (`LENGTH NAME=VALUE\n`) with the times among them clamped. */
function clampRecords(bytes: Buffer, seconds: number): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, space));
    if (space < 0 || !(length > 0)) break;
    const record = bytes.subarray(at, at + length);
    at += length;
    const [, name = '', value = ''] = /^\d+ ([^=]*)=([\s\S]*)\n$/.exec(record.toString('latin1')) ?? [];
    const isTime = name === 'mtime' || name === 'atime' || name === 'ctime';
    out.push(isTime && Number(value) > seconds ? paxRecord(name, String(seconds)) : record);
  }
  return Buffer.concat(out);
}

function paxRecord(name: string, value: string): Buffer {
  const rest = ` ${name}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.from(`${length}${rest}`, 'latin1');
}

/**
 * A result whose own layers have no time later than `epoch` (`rewrite-timestamp=true`): two builds of the same inputs are the
 * same bytes.
 */
export async function rewriteTimes(
  job: Job,
  result: StageResult,
  epoch: Date,
  vertex: Vertex,
): Promise<StageResult> {
  const solver = job.solver!;
  const own = new Set(result.snapshot.steps.map(({ diffIds }) => diffIds.at(-1)!));
  const seconds = Math.floor(epoch.getTime() / 1000);
  const diffIds: string[] = [];
  for (const diffId of result.snapshot.diffIds)
    diffIds.push(own.has(diffId) ? await solver.rewritten(diffId, () => clampTimes(seconds)) : diffId);
  vertex.status(`rewriting layers with source-date-epoch ${seconds} (${epoch.toISOString()})`, 0, 0, true);
  return { ...result, snapshot: { ...result.snapshot, diffIds } };
}
