import { type ContextTar, dockerfileTar } from './context.ts';

/** Enough to tell a tar, packed or not, from a Dockerfile. */
const peek = 1024;

/**
 * The context on standard input: a tar, packed or not, goes to the daemon as it is; all else is the text of a
 * Dockerfile. `file` is the name of the Dockerfile inside a tar.
 */
export async function stdinContext(input: AsyncIterable<Buffer>, file: string): Promise<ContextTar> {
  const source = input[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  let length = 0;
  let ended = false;
  while (length < peek) {
    const { value, done } = await source.next();
    if (done) {
      ended = true;
      break;
    }
    head.push(value);
    length += value.length;
  }
  const start = Buffer.concat(head);
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield start;
    while (!ended) {
      const { value, done } = await source.next();
      if (done) return;
      yield value;
    }
  };
  if (isArchive(start)) return { body: rest(), dockerfile: file || 'Dockerfile' };
  const text: Buffer[] = [];
  for await (const chunk of rest()) text.push(chunk);
  return dockerfileTar(Buffer.concat(text));
}

/** The bytes a tar begins with, or one packed by gzip, bzip2, xz or zstd. */
function isArchive(start: Buffer): boolean {
  const magic = [
    [0x1f, 0x8b, 0x08],
    [0x42, 0x5a, 0x68],
    [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    [0x28, 0xb5, 0x2f, 0xfd],
  ];
  return magic.some((bytes) => bytes.every((byte, at) => start[at] === byte)) || isTar(start);
}

/** A header of a tar: its sum of bytes is in it. An empty tar is blocks of zeros. */
function isTar(start: Buffer): boolean {
  if (start.length < 512) return false;
  const block = start.subarray(0, 512);
  if (block.every((byte) => byte === 0)) return true;
  const stated = Number.parseInt(block.toString('latin1', 148, 156), 8);
  let sum = 8 * 0x20;
  block.forEach((byte, at) => {
    if (at < 148 || at >= 156) sum += byte;
  });
  return stated === sum;
}
