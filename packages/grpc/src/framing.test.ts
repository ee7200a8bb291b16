import { PassThrough, Readable } from 'node:stream';
import { MessageWriter, messages } from './framing.ts';

/** A message as it stands in the stream. */
function frame(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** The messages of a stream whose bytes come in pieces of `size`. */
async function read(bytes: Buffer, size: number): Promise<string[]> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
  const found: string[] = [];
  for await (const message of messages(Readable.from(pieces))) found.push(message.toString());
  return found;
}

const two = Buffer.concat([frame(Buffer.from('first')), frame(Buffer.alloc(0)), frame(Buffer.from('last'))]);

test.each([1, 2, 5, 7, 1000])('messages that come in pieces of %d bytes are whole', async (size) => {
  expect(await read(two, size)).toEqual(['first', '', 'last']);
});

test('a message that is cut off, compressed or too large ends the call', async () => {
  await expect(read(two.subarray(0, -1), 3)).rejects.toThrow('ended within a message');
  const compressed = frame(Buffer.from('x'));
  compressed[0] = 1;
  await expect(read(compressed, 9)).rejects.toMatchObject({ code: 12 });
  const large = frame(Buffer.alloc(0));
  large.writeUInt32BE(65 * 1024 * 1024, 1);
  await expect(read(large, 9)).rejects.toMatchObject({ code: 8 });
});

test('messages that are sent in one turn are one piece, and whole at the other end', async () => {
  const stream = new PassThrough({ highWaterMark: 1 << 20 });
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  const writer = new MessageWriter(stream);
  for (const text of ['first', '', 'last']) await writer.send(Buffer.from(text));
  await new Promise((next) => setImmediate(next));
  expect(pieces).toEqual([two]);
  // Messages that were sent before the end are not lost.
  writer.send(Buffer.from('x'));
  writer.flush();
  stream.end();
  await new Promise((next) => stream.once('end', next));
  expect(Buffer.concat(pieces)).toEqual(Buffer.concat([two, frame(Buffer.from('x'))]));
});

test('a sender waits for a stream that is full, and no longer than it lives', async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const writer = new MessageWriter(stream);
  const full = writer.send(Buffer.alloc(1 << 16));
  expect(full).toBeInstanceOf(Promise);
  let settled = false;
  void full?.then(() => {
    settled = true;
  });
  await new Promise((next) => setImmediate(next));
  expect(settled).toBe(false);
  stream.resume();
  await full;
  expect(writer.send(Buffer.alloc(1))).toBeUndefined();
  const again = writer.send(Buffer.alloc(1 << 20));
  stream.destroy();
  await again;
});
