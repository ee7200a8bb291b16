import { codec } from './codec.ts';

// A message of a stranger is decoded within milliseconds, or refused.

const { decode, encode } = codec({
  List: {
    texts: '1 repeated string',
    numbers: '2 repeated int32',
    lists: '3 repeated List',
    text: '4 string',
    entries: '5 map string',
    bytes: '6 bytes',
  },
});
const filled = (size: number, ...bytes: number[]) => Buffer.alloc(size, Buffer.from(bytes));
/** A member of that number whose bytes are these. */
const member = (number: number, bytes: Buffer) => {
  const size = Buffer.alloc(5, 0x80);
  for (let at = 0; at < 5; at += 1)
    size[at] = (Math.floor(bytes.length / 2 ** (7 * at)) & 0x7f) | (at < 4 ? 0x80 : 0);
  return Buffer.concat([Buffer.from([number * 8 + 2]), size, bytes]);
};
const MB = 1 << 20;

function nested(depth: number): Buffer {
  let message = Buffer.alloc(0);
  for (let count = 0; count < depth; count += 1) message = member(3, message);
  return message;
}

test.each([
  ['a list of empty texts', filled(16 * MB, 0x0a, 0), /more than 16384 values/],
  ['a list of empty messages', filled(16 * MB, 0x1a, 0), /more than 16384 values/],
  ['a map of empty entries', filled(16 * MB, 0x2a, 0), /more than 16384 values/],
  ['packed numbers', member(2, filled(15 * MB, 1)), /more than 16384 values/],
  ['one number after the other', filled(16 * MB, 0x10, 0), /more than 16384 values/],
  ['members that nobody knows', filled(16 * MB, 0x78, 0), /more than 16384 values/],
  ['lists within a list', member(3, filled(15 * MB, 0x0a, 0)), /more than 16384 values/],
  ['a long text', member(4, filled(15 * MB, 0xc3, 0xa9)), /bytes of text/],
  ['a long text in a map', member(5, member(2, filled(15 * MB, 0xc3, 0xa9))), /bytes of text/],
  ['messages in messages', nested(100), /nested too deep/],
  ['groups', filled(16 * MB, 0x7b), /wire type 3/],
  ['a length beyond the message', member(4, filled(9, 65)).subarray(0, 9), /cut off/],
  ['a number without end', filled(16 * MB, 0xff), /too long/],
])('%s: refused at once', (_, bytes, reason) => {
  let told = '';
  // The least of a few tries: other threads' work, as a collection of garbage, counts as the process's.
  const costs = [1, 2, 3].map(() => {
    const began = process.cpuUsage();
    try {
      decode('List', bytes);
    } catch (error) {
      told = (error as Error).message;
    }
    return process.cpuUsage(began).user;
  });
  expect(Math.min(...costs)).toBeLessThan(50_000); // microseconds
  expect(told).toMatch(reason);
});

test('as much as is allowed is decoded as it was encoded', () => {
  const list = {
    texts: Array.from({ length: 3000 }, (_, at) => `text ${at}`),
    numbers: [1, -1, 2 ** 31 - 1],
    lists: [{ texts: ['a'], entries: { a: 'b' } }],
    text: 'é'.repeat(100_000),
    entries: { a: 'b', '': '' },
    bytes: Buffer.alloc(100, 7),
  };
  expect(decode('List', encode('List', list))).toMatchObject(list);
});

test('many bytes are no many values', () => {
  expect(decode('List', encode('List', { bytes: Buffer.alloc(15 * MB) })).bytes).toHaveLength(15 * MB);
});

test('messages of our own have no bounds', () => {
  expect(decode('List', filled(100_000, 0x0a, 0), 'none').texts).toHaveLength(50_000);
});
