import { type Readable, Transform } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { invalidParameter } from '../../base/errors.ts';
import { Slices } from '../../patterns/slices.ts';

/** A tar comes in these. */
const BLOCK = 512;

/**
 * Gives the entries of an uncompressed tar to `take` one after another, which reads each one's body to its end.
 * @throws invalid-parameter for a malformed tar, and for what `take` throws.
 */
export async function readTar(
  tar: Readable,
  take: (header: Header, body: Readable) => Promise<void>,
): Promise<void> {
  const extraction = extract();
  const { blocks, length } = wholeBlocks();
  tar.on('error', (error) => blocks.destroy(error));
  blocks.on('error', (error) => extraction.destroy(error));
  tar.pipe(blocks).pipe(extraction);
  let needed = 0;
  const slices = new Slices();
  try {
    for await (const part of extraction) {
      // Small entries of one chunk follow each other without a turn of the loop.
      if (slices.due()) await slices.next();
      const header = part.header as Header & { byteOffset?: number };
      needed = (header.byteOffset ?? 0) + (header.size ?? 0);
      await take(header, part as unknown as Readable);
    }
    if (length() < needed || isCut(length(), needed)) throw new Error('unexpected EOF');
  } catch (error) {
    throw invalidParameter(`Error processing tar file: ${(error as Error).message}`, error);
  }
}

/**
 * Whether a tar of that length, whose last entry's bytes end at `needed`, ends within a block behind them: in a header, or in
 * the two blocks of zeros. It may end without those, and within the blanks that fill up the last file's block.
 */
function isCut(length: number, needed: number): boolean {
  const rest = length - Math.ceil(needed / BLOCK) * BLOCK;
  return rest > 0 && rest < 2 * BLOCK && rest % BLOCK !== 0;
}

/**
 * Fills a tar's last block: Docker's client ends a context whose Dockerfile comes from its input right after the last
 * file's bytes. `length` tells how many came.
 */
function wholeBlocks(): { blocks: Transform; length: () => number } {
  let length = 0;
  const blocks = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      done(null, Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK));
    },
  });
  return { blocks, length: () => length };
}
