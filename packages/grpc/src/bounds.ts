/*
 * Bounds of what a message may hold. A decoder makes values of two bytes each, at up to a microsecond: one message of 16 MB would keep
 * everybody else waiting for seconds. So messages of strangers are walked once before they are decoded, until they hold too much.
 */

/** Members, entries of lists and numbers of packed lists in one message, at all its levels. */
const MOST_VALUES = 16_384;
/** Bytes of text in one message; other bytes are not copied. */
const MOST_TEXT = 4 << 20;
/** Messages within messages. */
const DEEPEST = 64;

/** A message that holds more than any client of ours sends. */
export class TooMuch extends Error {}

/** The kind of a message's member: text, bytes, numbers (one, or a packed list), or another message. */
export type Member = Layout | 'text' | 'bytes' | 'numbers';

/** The members of a message, by their numbers. */
export type Layout = ReadonlyMap<number, Member>;

/**
 * Walks the bytes of a message.
 * @throws Error when it holds more than any client of ours sends, or is malformed
 */
export function checkBounds(layout: Layout, bytes: Uint8Array): void {
  let at = 0;
  let values = 0;
  let text = 0;

  const varint = (): number => {
    if (bytes[at]! < 0x80) return bytes[at++]!;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at];
      if (byte === undefined) throw new Error('the message is cut off');
      at += 1;
      // A length or a tag of more than 32 bits is beyond any message, too.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('a number of the message is too long');
  };
  const count = (more: number) => {
    values += more;
    if (values > MOST_VALUES) throw new TooMuch(`the message has more than ${MOST_VALUES} values`);
  };

  const walk = (within: Layout | undefined, end: number, depth: number): void => {
    if (depth > DEEPEST) throw new Error('the message is nested too deep');
    while (at < end) {
      const tag = varint();
      count(1);
      const wire = tag % 8;
      if (wire === 0) varint();
      else if (wire === 1) at += 8;
      else if (wire === 5) at += 4;
      else if (wire === 2) {
        const size = varint();
        const until = at + size;
        if (until > end) throw new Error('the message is cut off');
        const member = within?.get(Math.floor(tag / 8));
        if (member === 'text') {
          text += size;
          if (text > MOST_TEXT) throw new TooMuch(`the message has more than ${MOST_TEXT} bytes of text`);
        } else if (member === 'numbers') count(size);
        else if (member !== undefined && member !== 'bytes') walk(member, until, depth + 1);
        at = until;
      } else throw new Error(`the message has members of the wire type ${wire}, which is none`);
    }
    if (at > end) throw new Error('the message is cut off');
  };
  walk(layout, bytes.length, 0);
}
