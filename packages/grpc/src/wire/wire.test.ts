import fc from 'fast-check';
import protobuf from 'protobufjs/light.js';
import { codec } from '../codec.ts';

// Messages that are written here are read by protobuf.js, and the other way: it is where the format is taken from.

const { decode, encode } = codec({
  All: {
    text: '1 string',
    bytes: '2 bytes',
    flag: '3 bool',
    small: '4 int32',
    unsigned: '5 uint32',
    long: '6 int64',
    unsignedLong: '7 uint64',
    real: '8 double',
    within: '9 All',
    texts: '10 repeated string',
    numbers: '11 repeated int64',
    list: '300 repeated All',
    entries: '13 map string',
    messages: '14 map All',
    one: '15 oneof string',
    other: '70000 oneof int32',
  },
});

const field = (type: string, id: number, more: object = {}) => ({ type, id, ...more });
const reference = protobuf.Root.fromJSON({
  nested: {
    All: {
      fields: {
        text: field('string', 1),
        bytes: field('bytes', 2),
        flag: field('bool', 3),
        small: field('int32', 4),
        unsigned: field('uint32', 5),
        long: field('int64', 6),
        unsignedLong: field('uint64', 7),
        real: field('double', 8),
        within: field('All', 9),
        texts: field('string', 10, { rule: 'repeated' }),
        numbers: field('int64', 11, { rule: 'repeated' }),
        list: field('All', 300, { rule: 'repeated' }),
        entries: field('string', 13, { keyType: 'string' }),
        messages: field('All', 14, { keyType: 'string' }),
        one: field('string', 15),
        other: field('int32', 70000),
      },
      oneofs: { choice: { oneof: ['one', 'other'] } },
    },
  },
}).lookupType('All');
const options = { longs: Number, defaults: true, arrays: true, objects: true, bytes: Buffer };
const theirs = (bytes: Uint8Array) => reference.toObject(reference.decode(bytes), options);

const safe = fc.maxSafeInteger();
/** A message with messages in it, `depth` levels of them. */
const messageOf = (depth: number): fc.Arbitrary<Record<string, unknown>> => {
  const plain = {
    text: fc.string({ unit: 'binary', maxLength: 200 }).map((text) => text.toWellFormed()),
    bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    flag: fc.boolean(),
    small: fc.integer(),
    unsigned: fc.nat(2 ** 31 - 1).map((value) => value * 2 + 1),
    long: safe,
    unsignedLong: safe.map(Math.abs),
    real: fc.double({ noNaN: true }),
    texts: fc.array(fc.string(), { maxLength: 5 }),
    numbers: fc.array(safe, { maxLength: 20 }),
    entries: fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 }),
    one: fc.string(),
  };
  if (depth === 0) return fc.record(plain, { requiredKeys: [] });
  const inner = messageOf(depth - 1);
  return fc.record(
    {
      ...plain,
      within: inner,
      list: fc.array(inner, { maxLength: 2 }),
      messages: fc.dictionary(fc.string(), inner, { maxKeys: 2 }),
    },
    { requiredKeys: [] },
  );
};
const message = messageOf(1);

test('messages are written and read as protobuf.js does', () => {
  fc.assert(
    fc.property(message, (value) => {
      const bytes = encode('All', value);
      expect(theirs(bytes)).toEqual(decode('All', bytes));
      const written = reference.encode(reference.fromObject(value)).finish();
      expect(decode('All', written)).toEqual(theirs(written));
      expect(decode('All', bytes)).toEqual(decode('All', written));
    }),
    { numRuns: 100 },
  );
});

test('damaged bytes are a message or an error, never more', () => {
  fc.assert(
    fc.property(message, fc.array(fc.tuple(fc.nat(), fc.nat(255))), fc.nat(), (value, changes, cut) => {
      const bytes = encode('All', value);
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      const damaged = bytes.subarray(0, cut % (bytes.length + 1));
      try {
        decode('All', damaged);
      } catch (error) {
        expect((error as Error).message).toMatch(/^(the message|a number of the message) /);
      }
    }),
    { numRuns: 60 },
  );
});

test('a number beyond the integers that a number holds is written as its text says', () => {
  const texts = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const written = (value: bigint) => encode('All', { long: String(value), unsignedLong: String(value) });
  fc.assert(
    fc.property(texts, (value) => {
      // 0 is not written, and read as the default.
      const { long, unsignedLong } = reference.toObject(reference.decode(written(value)), {
        ...options,
        longs: String,
      });
      expect([long, unsignedLong]).toEqual([String(value), String(BigInt.asUintN(64, value))]);
    }),
    { examples: [[0n]] },
  );
  for (const value of [999_999_999n, 10n ** 9n, 10n ** 18n, 2n ** 63n - 1n, 1_780_000_000_123_456_000n])
    expect(reference.decode(written(value)).toJSON()['long']).toBe(String(value));
});

test('a value that is not there is not written; one of several always is', () => {
  const nothing = {
    text: '',
    flag: false,
    small: 0,
    long: '0',
    bytes: Buffer.alloc(0),
    list: [],
    within: null,
  };
  expect(encode('All', nothing)).toHaveLength(0);
  expect(decode('All', encode('All', { other: 0 })).other).toBe(0);
  expect(decode('All', encode('All', { one: '' })).one).toBe('');
  expect(encode('All', { within: {} }).toString('hex')).toBe('4a00');
});

test('a member of another kind than the table has is passed over', () => {
  expect(decode('All', Buffer.from('0805' + '1201ff' + '10ac02', 'hex'))).toMatchObject({
    text: '',
    bytes: Buffer.from([255]),
  });
});

test('a key of a map is no property of all objects', () => {
  const { entries } = decode('All', encode('All', { entries: JSON.parse('{"__proto__":"x"}') }));
  expect(Object.entries(entries)).toEqual([['__proto__', 'x']]);
});

test('large and long values keep their place', () => {
  const value = {
    text: 'é'.repeat(100_000),
    bytes: Buffer.alloc(3 << 20, 7),
    texts: ['x'.repeat(43), 'y'.repeat(200)],
  };
  const read = decode('All', encode('All', { within: value, list: [value] }));
  expect(read.within).toMatchObject(value);
  expect(read.list[0]).toMatchObject(value);
});
