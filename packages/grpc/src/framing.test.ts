import { Readable } from 'node:stream';
import { frame, messages } from './framing.ts';

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
