import {
  EIGHT_BYTES,
  type Field,
  type Fields,
  FOUR_BYTES,
  LENGTH,
  VARINT,
  type Value,
  wireOf,
  zeroOf,
} from './fields.ts';

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
