import { EntryReader } from '../deliver/entries.ts';
import { eventsOf } from './aws-events.ts';
import { compactJson } from './compact.ts';
import { journalName } from './journald.ts';
import { packMap, packNumber, packString, unpackAck } from './msgpack.ts';
import { signedHeaders } from './sigv4.ts';

const line = (log: string, time = '2026-01-01T00:00:00.5Z', stream = 'stdout') =>
  Buffer.from(`{"log":"${log}","stream":"${stream}","time":"${time}"}`);

test('entries are read as they were written', () => {
  const reader = new EntryReader('id');
  expect(reader.read(line('a\\t\\"b\\" \\\\ \\u0001\\n'), 9)).toEqual({
    stream: 'stdout',
    text: Buffer.from('a\t"b" \\ \u0001'),
    time: '2026-01-01T00:00:00.5Z',
    end: 9,
  });
  expect(reader.read(Buffer.from('{"log":"cut'), 9)).toBeUndefined();
  const pieces = [
    line('one', '2026-01-01T00:00:01Z'),
    line('two\\n', '2026-01-01T00:00:01Z'),
    line('three\\n'),
  ];
  expect(pieces.map((piece) => reader.read(piece, 0)?.piece)).toEqual([
    { id: expect.stringMatching(/^[0-9a-f]{64}$/), ordinal: 1, last: false },
    { id: expect.any(String), ordinal: 2, last: true },
    undefined,
  ]);
});

test('events of CloudWatch: lines, pieces of lines, and lines up to the next that begins one', () => {
  const reader = new EntryReader('id');
  const read = (...texts: string[]) => texts.map((text, index) => reader.read(line(text), index)!);
  const messages = (batch: ReturnType<typeof eventsOf>) => [
    batch.entries,
    ...batch.events.map(({ message }) => message),
  ];
  expect(messages(eventsOf(read('a\\n', '\\n', 'b\\n'), undefined, false))).toEqual([3, 'a', 'b']);
  expect(messages(eventsOf(read('a\\n', 'pie'), undefined, false))).toEqual([1, 'a']);
  expect(messages(eventsOf(read('pie', 'ce\\n'), undefined, false))).toEqual([2, 'piece']);
  const begins = (text: string) => text.startsWith('>');
  expect(messages(eventsOf(read('>1\\n', 'x\\n', '>2\\n', 'y\\n'), begins, false))).toEqual([2, '>1\nx\n']);
  expect(messages(eventsOf(read('>1\\n', 'x'), begins, true))).toEqual([2, '>1\nx\n']);
  const many = Array.from({ length: 30 }, () => `${'x'.repeat(60_000)}\\n`);
  expect(eventsOf(read(...many), undefined, true).entries).toBe(17);
});

test('an event of very many lines is gathered in linear time', () => {
  const reader = new EntryReader('id');
  const empty = reader.read(line('\\n'), 1)!;
  const began = process.cpuUsage();
  expect(eventsOf(Array(100_000).fill(empty), () => false, true).events).toHaveLength(1);
  expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
});

test('JSON without blanks keeps its numbers', () => {
  expect(compactJson(' {"a b" : 1.0 , "c":[ 1e2,"<\\" x" ] } ')).toBe('{"a b":1.0,"c":[1e2,"\\u003c\\" x"]}');
  expect(compactJson('no')).toBeUndefined();
});

test('names of the journal', () => {
  expect(['_a.b', 'café', '__', 'X1'].map(journalName)).toEqual(['A_B', 'CAF_', '', 'X1']);
});

test('MessagePack', () => {
  expect(packString('a'.repeat(40)).subarray(0, 3).toString('hex')).toBe('d92861');
  expect(packMap([['k', 'v']]).toString('hex')).toBe('81a16ba176');
  expect(packNumber(1_700_000_000).toString('hex')).toBe('d26553f100');
  const ack = packMap([['ack', 'abc']]);
  expect(unpackAck(ack.subarray(0, -1))).toBeUndefined();
  expect(unpackAck(Buffer.concat([ack, ack]))).toEqual({ ack: 'abc', size: ack.length });
  expect(() => unpackAck(Buffer.from('HTTP'))).toThrow('no acknowledgement');
});

test('a signature as Amazon documents it', () => {
  // The example "post-x-www-form-urlencoded" of the suite of test vectors for Signature Version 4.
  const { Authorization } = signedHeaders(
    new URL('https://example.amazonaws.com/'),
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    'Param1=value1',
    {
      region: 'us-east-1',
      service: 'service',
      credentials: {
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      },
      now: new Date('2015-08-30T12:36:00Z'),
    },
  );
  expect(Authorization).toMatch(
    /Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a$/,
  );
});
