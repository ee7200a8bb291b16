/*
 * Protobuf's wire format (https://protobuf.dev/programming-guides/encoding), by the table of a codec. Written here because a
 * build's client lives for a tenth of a second: protobuf.js, which the tests compare with, took a third of that to be loaded
 * and to make a function of each message.
 */

/** A kind of value that is not a message. */
export type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'double';

/** A member of a message, as its table has it. */
export interface Field {
  name: string;
  number: number;
  rule: '' | 'repeated' | 'map' | 'oneof';
  /** The type of the value, of each value of a list or a map. */
  type: Scalar | Fields;
}

/** The members of a message. */
export interface Fields {
  list: Field[];
  byNumber: ReadonlyMap<number, Field>;
  /** A message of which nothing has come yet. */
  zero: () => Value;
}

/** The members of a message by their names. */
export type Value = Record<string, unknown>;

const VARINT = 0;
const EIGHT_BYTES = 1;
const LENGTH = 2;
const FOUR_BYTES = 5;
/** Bytes that messages are written to before they are copied; it grows with the largest up to the second number. */
const ROOM = 1 << 16;
const MOST_ROOM = 1 << 20;

let room = Buffer.allocUnsafeSlow(ROOM);
let end = 0;

/** The bytes of a message; members that are null, absent or zero are left out, but for one of several. */
export function writeMessage(fields: Fields, value: Value): Buffer {
  end = 0;
  writeMembers(fields, value);
  const bytes = Buffer.from(room.subarray(0, end));
  if (room.length > MOST_ROOM) room = Buffer.allocUnsafeSlow(ROOM);
  return bytes;
}

function reserve(size: number): void {
  if (end + size <= room.length) return;
  const grown = Buffer.allocUnsafeSlow(Math.max(room.length * 2, end + size));
  room.copy(grown, 0, 0, end);
  room = grown;
}

// Loops by index, and no functions made on the way: code that runs for a tenth of a second is interpreted.
function writeMembers({ list }: Fields, value: Value): void {
  for (let index = 0; index < list.length; index++) {
    const { name, number, rule, type } = list[index]!;
    const member = value[name];
    if (member === undefined || member === null) continue;
    if (rule === '') {
      if (!isZero(member)) writeValue(number, type, member);
    } else if (rule === 'repeated') writeList(number, type, member as readonly unknown[]);
    else if (rule === 'map') writeMap(number, type, member as Value);
    else writeValue(number, type, member);
  }
}

const isZero = (value: unknown): boolean =>
  typeof value === 'object'
    ? value instanceof Uint8Array && value.length === 0
    : Object.is(value, 0) || value === '' || value === false || value === '0';

function writeList(number: number, type: Field['type'], values: readonly unknown[]): void {
  if (values.length === 0) return;
  if (typeof type === 'object' || type === 'string' || type === 'bytes') {
    for (const value of values) writeValue(number, type, value);
    return;
  }
  // Numbers are packed: one member with all of them.
  const begin = beginSized(number);
  for (const value of values) writeScalar(type, value);
  endSized(begin);
}

function writeMap(number: number, type: Field['type'], entries: Value): void {
  for (const [key, value] of Object.entries(entries)) {
    const begin = beginSized(number);
    writeValue(1, 'string', key);
    writeValue(2, type, value);
    endSized(begin);
  }
}

function writeValue(number: number, type: Field['type'], value: unknown): void {
  if (typeof type === 'object') {
    const begin = beginSized(number);
    writeMembers(type, (value ?? {}) as Value);
    endSized(begin);
    return;
  }
  writeTag(number, wireOf(type));
  writeScalar(type, value);
}

const wireOf = (type: Scalar): number =>
  type === 'string' || type === 'bytes' ? LENGTH : type === 'double' ? EIGHT_BYTES : VARINT;

function writeTag(number: number, wire: number): void {
  reserve(5);
  if (number < 16) room[end++] = number * 8 + wire;
  else writeUnsigned(number * 8 + wire);
}

/** Begins what is written behind its length, for which one byte is kept. Returns where it begins. */
function beginSized(number: number): number {
  writeTag(number, LENGTH);
  reserve(1);
  return ++end;
}

/** Ends it, with its length; one that takes more than a byte moves it on. */
function endSized(begin: number): void {
  const size = end - begin;
  if (size < 0x80) {
    room[begin - 1] = size;
    return;
  }
  const more = size < 0x4000 ? 1 : size < 0x20_0000 ? 2 : size < 0x1000_0000 ? 3 : 4;
  reserve(more);
  room.copyWithin(begin + more, begin, end);
  end = begin - 1;
  writeUnsigned(size);
  end += size;
}

function writeScalar(type: Scalar, value: unknown): void {
  switch (type) {
    case 'string': {
      const text = String(value);
      // Three bytes are the most that one of its units takes.
      reserve(5 + text.length * 3);
      if (text.length < 0x80 / 3) {
        const size = room.write(text, end + 1);
        room[end] = size;
        end += 1 + size;
      } else {
        writeUnsigned(Buffer.byteLength(text));
        end += room.write(text, end);
      }
      return;
    }
    case 'bytes': {
      const bytes = value as Uint8Array;
      reserve(5 + bytes.length);
      writeUnsigned(bytes.length);
      room.set(bytes, end);
      end += bytes.length;
      return;
    }
    case 'double':
      reserve(8);
      end = room.writeDoubleLE(Number(value), end);
      return;
    case 'bool':
      reserve(1);
      room[end++] = value ? 1 : 0;
      return;
    case 'uint32':
      reserve(5);
      writeUnsigned(Number(value) >>> 0);
      return;
    default: {
      reserve(10);
      // One beyond the integers that a number holds exactly comes as text.
      const number = type === 'int32' ? Number(value) | 0 : Number(value);
      if (number >= 0 && Number.isSafeInteger(number)) writeUnsigned(number);
      else writeBig(BigInt.asUintN(64, BigInt(typeof value === 'string' ? value : Math.trunc(number))));
    }
  }
}

function writeUnsigned(value: number): void {
  let rest = value;
  while (rest > 0x7fff_ffff) {
    room[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest > 0x7f) {
    room[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  room[end++] = rest;
}

function writeBig(value: bigint): void {
  let rest = value;
  while (rest > 0x7fn) {
    room[end++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  room[end++] = Number(rest);
}

/**
 * The members of a message; all that is absent has its zero value, but one of several. Members that are not in the table,
 * or of another kind there, are passed over. Bytes are views of what they are read from.
 * @throws Error for bytes that are no message
 */
export function readMessage(fields: Fields, bytes: Uint8Array): Value {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return new Reader(buffer).message(fields, buffer.length);
}

class Reader {
  private readonly bytes: Buffer;
  private at = 0;
  /** The halves of the number that was read last. */
  private low = 0;
  private high = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  message(fields: Fields, end: number): Value {
    const value = fields.zero();
    while (this.at < end) {
      const tag = this.unsigned();
      const field = fields.byNumber.get(Math.floor(tag / 8));
      if (!field || !this.member(field, tag % 8, value)) this.skip(tag % 8);
    }
    if (this.at > end) throw new Error('the message is cut off');
    return value;
  }

  /** Reads a member into its message. False, and nothing is read, for one that the table has otherwise. */
  private member({ name, rule, type }: Field, wire: number, into: Value): boolean {
    const wanted = typeof type === 'object' || rule === 'map' ? LENGTH : wireOf(type);
    if (rule === 'repeated') {
      const list = into[name] as unknown[];
      if (wire === wanted) list.push(this.value(type));
      else if (wire === LENGTH) {
        const end = this.sized();
        while (this.at < end) list.push(this.value(type));
        if (this.at > end) throw new Error('the message is cut off');
      } else return false;
      return true;
    }
    if (wire !== wanted) return false;
    if (rule === 'map') this.entry(type, into[name] as Value);
    else into[name] = this.value(type);
    return true;
  }

  private entry(type: Field['type'], into: Value): void {
    const end = this.sized();
    let key = '';
    let value: unknown = typeof type === 'object' ? undefined : zeroOf(type);
    while (this.at < end) {
      const tag = this.unsigned();
      if (tag === 8 + LENGTH) key = this.text();
      else if (tag === 16 + (typeof type === 'object' ? LENGTH : wireOf(type))) value = this.value(type);
      else this.skip(tag % 8);
    }
    if (this.at > end) throw new Error('the message is cut off');
    if (value === undefined && typeof type === 'object') value = type.zero();
    // A key may be `__proto__`.
    Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
  }

  private value(type: Field['type']): unknown {
    if (typeof type === 'object') return this.message(type, this.sized());
    switch (type) {
      case 'string':
        return this.text();
      case 'bytes': {
        const end = this.sized();
        const begin = this.at;
        this.at = end;
        return this.bytes.subarray(begin, end);
      }
      case 'double':
        this.at += 8;
        return this.bytes.readDoubleLE(this.at - 8);
      default:
        return this.number(type);
    }
  }

  private number(type: 'bool' | 'int32' | 'uint32' | 'int64' | 'uint64'): number | boolean {
    this.varint();
    switch (type) {
      case 'bool':
        return this.low !== 0 || this.high !== 0;
      case 'int32':
        return this.low | 0;
      case 'uint32':
        return this.low;
      case 'int64':
        return (this.high | 0) * 2 ** 32 + this.low;
      default:
        return this.high * 2 ** 32 + this.low;
    }
  }

  /** Reads a length; where what has it ends. @throws Error beyond the message */
  private sized(): number {
    const size = this.unsigned();
    const end = this.at + size;
    if (end > this.bytes.length) throw new Error('the message is cut off');
    return end;
  }

  private text(): string {
    const end = this.sized();
    const begin = this.at;
    this.at = end;
    return this.bytes.toString('utf8', begin, end);
  }

  private unsigned(): number {
    const byte = this.bytes[this.at]!;
    if (byte < 0x80) {
      this.at += 1;
      return byte;
    }
    this.varint();
    return this.high * 2 ** 32 + this.low;
  }

  private varint(): void {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw new Error('the message is cut off');
      this.at += 1;
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (7 * index - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new Error('a number of the message is too long');
  }

  private skip(wire: number): void {
    if (wire === VARINT) this.varint();
    else if (wire === EIGHT_BYTES) this.at += 8;
    else if (wire === FOUR_BYTES) this.at += 4;
    else if (wire === LENGTH) this.at = this.sized();
    else throw new Error(`the message has members of the wire type ${wire}, which is none`);
  }
}

/** Makes messages of which nothing has come yet, all of one shape. */
export function zeroMaker(list: readonly Field[]): () => Value {
  let zero: Value | undefined;
  let own: Field[] = [];
  return () => {
    // Made at the first one: most messages of a table are never read by a process.
    if (!zero) {
      zero = {};
      for (const { name, rule, type } of list)
        if (rule !== 'oneof') zero[name] = typeof type === 'object' || rule !== '' ? null : zeroOf(type);
      own = list.filter(({ rule }) => rule === 'repeated' || rule === 'map');
    }
    const value = { ...zero };
    for (let index = 0; index < own.length; index++)
      value[own[index]!.name] = own[index]!.rule === 'map' ? {} : [];
    return value;
  };
}

const NOTHING = Buffer.alloc(0);

function zeroOf(type: Scalar): unknown {
  if (type === 'string') return '';
  if (type === 'bytes') return NOTHING;
  return type === 'bool' ? false : 0;
}
