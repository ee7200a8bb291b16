import { BodyReader } from './chunks.ts';

const chunked = { 'transfer-encoding': 'chunked' };

/** Has a reader take a text in pieces of that many bytes; body and rest, or undefined while there is more to come. */
function read(headers: Record<string, string>, text: string, piece: number): string[] | undefined {
  const reader = new BodyReader(headers);
  for (let at = 0; at < text.length; at += piece) {
    const rest = reader.take(Buffer.from(text.slice(at, at + piece), 'latin1'));
    if (rest) return [reader.body.toString(), rest.toString() + text.slice(at + piece)];
  }
  return undefined;
}

test.each([1, 2, 3, 7, 1000])('bodies in pieces of %p bytes', (piece) => {
  expect(read({ 'content-length': '3' }, 'abcdef', piece)).toEqual(['abc', 'def']);
  expect(read({ 'content-length': '3' }, 'ab', piece)).toBeUndefined();
  expect(read(chunked, '2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nrest', piece)).toEqual([
    'ab0123456789',
    'rest',
  ]);
  expect(read(chunked, '0\r\nTrailer: x\r\nOther: y\r\n\r\nrest', piece)).toEqual(['', 'rest']);
  expect(read(chunked, '2\r\nab\r\n', piece)).toBeUndefined();
  expect(() => read(chunked, '2\r\nabX\r\n0\r\n\r\n', piece)).toThrow('malformed chunk');
  expect(() => read(chunked, '-2\r\nab\r\n', piece)).toThrow('malformed chunk');
  expect(() => read(chunked, '\r\n', piece)).toThrow('malformed chunk');
});

test('a body without one has none', () => {
  const reader = new BodyReader({});
  expect(reader.take(Buffer.from('rest'))?.toString()).toBe('rest');
  expect(reader.body.length).toBe(0);
});

test('a body, a line and what frames a body have bounds', () => {
  expect(() => new BodyReader({ 'content-length': '9999999' })).toThrow('too large');
  expect(() => read(chunked, `fffff\r\n${'x'.repeat(0xfffff)}\r\n`.repeat(2), 1 << 16)).toThrow('too large');
  expect(() => read(chunked, '0'.repeat(10_000), 1)).toThrow('malformed chunk');
  expect(() => read(chunked, `0\r\n${'t: x\r\n'.repeat(2 << 20)}`, 1 << 16)).toThrow('too large');
});

test('each byte is read once: many chunks in many pieces take time by their number', () => {
  const reader = new BodyReader(chunked);
  const began = process.cpuUsage();
  reader.take(Buffer.from('1\r\nx\r\n'.repeat(160_000)));
  // To read all again at each of these took minutes.
  for (let left = 5000; left > 0; left--) reader.take(Buffer.from('1\r\nx\r\n'));
  expect(reader.body.length).toBe(165_000);
  expect(process.cpuUsage(began).user / 1000).toBeLessThan(5000);
});
