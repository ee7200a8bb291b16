import { LaunchError, type LaunchRecord } from './api.ts';

/* Frames as in c/base/records/frame.h: size (u32, of what follows), handle (u32), records. */

const HEAD = 8;
/** As many strings as one record can hold, its name among them. */
const STRINGS_MAX = 255;
const EINVAL = 22;

/**
 * One message of records.
 * @throws LaunchError stage `launch`, EINVAL: a string holds a NUL, or a record more strings than the format allows.
 */
export function encodeFrame(handle: number, records: readonly LaunchRecord[]): Buffer {
  let size = HEAD;
  const bodies = records.map((record) => {
    if (record.length > STRINGS_MAX)
      throw new LaunchError('launch', EINVAL, `a ${record[0]} record is too long`);
    for (const text of record)
      if (text.includes('\0')) throw new LaunchError('launch', EINVAL, `a NUL in a ${record[0]} record`);
    const body = `${record.join('\0')}\0`;
    size += 1 + Buffer.byteLength(body);
    return body;
  });
  const frame = Buffer.allocUnsafe(size);
  frame.writeUInt32LE(size - 4, 0);
  frame.writeUInt32LE(handle, 4);
  let at = HEAD;
  bodies.forEach((body, index) => {
    frame[at++] = records[index]!.length;
    at += frame.write(body, at);
  });
  return frame;
}

/** Cuts what arrives on a stream into frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Adds what has arrived. */
  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** The next whole frame, or null when more has to arrive first. */
  next(): { handle: number; records: LaunchRecord[] } | null {
    const bytes = this.#pending;
    if (bytes.length < HEAD) return null;
    const end = 4 + bytes.readUInt32LE(0);
    if (bytes.length < end) return null;
    this.#pending = bytes.subarray(end);
    return { handle: bytes.readUInt32LE(4), records: decodeRecords(bytes.subarray(HEAD, end)) };
  }

  /** The bytes that have arrived behind the last frame. */
  get rest(): Buffer {
    return this.#pending;
  }
}

function decodeRecords(bytes: Buffer): LaunchRecord[] {
  const records: LaunchRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const record: string[] = [];
    for (let count = bytes[at++]!; count > 0; count--) {
      const end = bytes.indexOf(0, at);
      record.push(bytes.toString('utf8', at, end));
      at = end + 1;
    }
    records.push(record as LaunchRecord);
  }
  return records;
}
