import { type Field, type Fields, LENGTH, type Scalar, type Value, wireOf } from './fields.ts';

/** Bytes that messages are written to before they are copied; it grows with the largest up to the second number. */
const ROOM = 1 << 16;
const MOST_ROOM = 1 << 20;

/** The last digits of a long decimal number, and the number that one of those before them counts for. */
const LIMB_DIGITS = 9;
const LIMB = 10 ** LIMB_DIGITS;
const DECIMAL = /^\d{10,19}$/;

let room = Buffer.allocUnsafeSlow(ROOM);
let end = 0;

/** The bytes of a message; members that are null, absent or zero are left out, but for one of several. */
export function writeMessage(fields: Fields, value: Value): Buffer {
  end = 0;
  writeMembers(fields, value);
  const bytes = Buffer.allocUnsafe(end);
  room.copy(bytes, 0, 0, end);
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
      if (typeof value === 'string' && type !== 'int32' && DECIMAL.test(value)) {
        writeDecimal(value);
        return;
      }
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

/** A number of up to 19 digits, in two parts: a time of each of thousands of files, which a BigInt takes five times as long for. */
function writeDecimal(text: string): void {
  let high = Number(text.slice(0, -LIMB_DIGITS));
  let low = Number(text.slice(-LIMB_DIGITS));
  while (high > 0 || low > 0x7f) {
    const part = (high % 0x80) * LIMB + low;
    room[end++] = (part % 0x80) | 0x80;
    high = Math.floor(high / 0x80);
    low = Math.floor(part / 0x80);
  }
  room[end++] = low;
}

function writeBig(value: bigint): void {
  let rest = value;
  while (rest > 0x7fn) {
    room[end++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  room[end++] = Number(rest);
}
