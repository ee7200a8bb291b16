/** The part of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that Fluentd's forward protocol needs. */

/** A string, or bytes that are said to be one, in its shortest form (`fixstr`, `str 8`, `str 16`, `str 32`). */
export function packString(text: string | Buffer): Buffer {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const { length } = bytes;
  if (length < 32) return Buffer.concat([Buffer.from([0xa0 | length]), bytes]);
  if (length < 0x100) return Buffer.concat([Buffer.from([0xd9, length]), bytes]);
  if (length < 0x10000) return Buffer.concat([Buffer.from([0xda, length >> 8, length & 0xff]), bytes]);
  const head = Buffer.from([0xdb, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

/** A map of at most 65535 entries, in their order. */
export function packMap(entries: ReadonlyArray<readonly [string, string | Buffer]>): Buffer {
  const { length } = entries;
  const head = length < 16 ? Buffer.from([0x80 | length]) : Buffer.from([0xde, length >> 8, length & 0xff]);
  return Buffer.concat([head, ...entries.flatMap(([name, value]) => [packString(name), packString(value)])]);
}

/** A number from 0 to 2^32 - 1, as a `positive fixint`, an `int 32` or an `int 64`. */
export function packNumber(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value]);
  const bytes = Buffer.from([0xd2, 0, 0, 0, 0]);
  if (value < 0x80000000) {
    bytes.writeInt32BE(value, 1);
    return bytes;
  }
  const long = Buffer.alloc(9, 0xd3);
  long.writeBigInt64BE(BigInt(value), 1);
  return long;
}

/** Fluentd's EventTime: an extension of type 0 with seconds and nanoseconds. */
export function packEventTime(seconds: number, nanoseconds: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = 0xd7;
  bytes.writeUInt32BE(seconds, 2);
  bytes.writeUInt32BE(nanoseconds, 6);
  return bytes;
}

/** Reads `{"ack": text}` from the front: the text and how many bytes it took, or nothing while it is not whole. */
export function unpackAck(bytes: Buffer): { ack: string; size: number } | undefined {
  let at = 0;
  const text = (): string | undefined => {
    const kind = bytes[at];
    if (kind === undefined) return undefined;
    const wide = kind === 0xd9 || kind === 0xc4 ? 1 : kind === 0xda || kind === 0xc5 ? 2 : 0;
    if (wide === 0 && (kind & 0xe0) !== 0xa0)
      throw new Error('fluentd: an answer that is no acknowledgement');
    if (bytes.length < at + 1 + wide) return undefined;
    const length = wide === 0 ? kind & 0x1f : bytes.readUIntBE(at + 1, wide);
    const from = at + 1 + wide;
    if (bytes.length < from + length) return undefined;
    at = from + length;
    return bytes.toString('utf8', from, at);
  };
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== 0x81) throw new Error('fluentd: an answer that is no acknowledgement');
  at = 1;
  if (text() === undefined) return undefined;
  const ack = text();
  return ack === undefined ? undefined : { ack, size: at };
}
