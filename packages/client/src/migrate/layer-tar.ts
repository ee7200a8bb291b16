import { closeSync, constants, createReadStream, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { CliError } from '../base/errors.ts';

const PIECE = 256 * 1024;
/** The longest line of a record: the bytes between two files, headers and padding, are much less. */
const LONGEST_LINE = 16 << 20;

/** A piece of a layer's tar: bytes as they were, or a file of the layer's folder. */
type Piece = { bytes: Buffer } | { file: Buffer; size: number };

/** A line of tar-split's record of a tar: 2 is a segment of it, 1 a file that was taken out. */
interface Line {
  type: number;
  name?: string;
  name_raw?: string;
  size?: number;
  payload?: string;
}

/**
 * The lines of a gzipped file. Neither the file nor a line is taken into memory at whatever length it has.
 * @throws CliError for a line that no record has
 */
async function* gunzippedLines(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const text = createGunzip();
  source.once('error', (error) => text.destroy(error));
  source.pipe(text);
  let parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of text as AsyncIterable<Buffer>) {
      let begin = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, begin)) {
        parts.push(chunk.subarray(begin, end));
        yield Buffer.concat(parts).toString();
        parts = [];
        size = 0;
        begin = end + 1;
      }
      parts.push(chunk.subarray(begin));
      size += chunk.length - begin;
      if (size > LONGEST_LINE)
        throw new CliError(`${file} is damaged: it has a line of more than ${LONGEST_LINE} bytes`);
    }
  } finally {
    source.destroy();
  }
  if (size > 0) yield Buffer.concat(parts).toString();
}

/** The pieces of the tar that dockerd made a layer's folder of. @throws when the record cannot be read. */
async function* tarPieces(record: string): AsyncGenerator<Piece> {
  for await (const text of gunzippedLines(record)) {
    if (text === '') continue;
    const line = JSON.parse(text) as Line;
    if (line.type === 2) yield { bytes: Buffer.from(line.payload ?? '', 'base64') };
    else if (line.size)
      // Names that are no UTF-8 stand in base64.
      yield {
        file: line.name_raw ? Buffer.from(line.name_raw, 'base64') : Buffer.from(line.name ?? ''),
        size: line.size,
      };
  }
}

/** Bytes of the tar that a layer's record describes. */
export async function tarSize(record: string): Promise<number> {
  let sum = 0;
  for await (const piece of tarPieces(record)) sum += 'bytes' in piece ? piece.bytes.length : piece.size;
  return sum;
}

/** Opens a file below a folder, of which no part may be a link: a layer's link could lead out of it. */
function openBelow(folder: string, name: Buffer): number {
  // Bytes, one a character.
  const parts = name
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new CliError(`${name} leads out of its layer`);
  let at = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  for (const [index, part] of parts.entries()) {
    const inner = index < parts.length - 1;
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    try {
      const path = Buffer.from(`/proc/self/fd/${at}/${part}`, 'latin1');
      const next = openSync(path, flags | (inner ? constants.O_DIRECTORY : 0));
      closeSync(at);
      at = next;
    } catch (error) {
      closeSync(at);
      throw error;
    }
  }
  return at;
}

/** The tar of a layer, byte for byte as its digest was made of. */
export async function* layerTar(folder: string, record: string): AsyncGenerator<Buffer> {
  for await (const piece of tarPieces(record)) {
    if ('bytes' in piece) {
      yield piece.bytes;
      continue;
    }
    const fd = openBelow(folder, piece.file);
    try {
      for (let left = piece.size; left > 0; ) {
        const buffer = Buffer.allocUnsafe(Math.min(PIECE, left));
        const got = readSync(fd, buffer, 0, buffer.length, null);
        if (got === 0) throw new CliError(`${join(folder, piece.file.toString())} is shorter than it was`);
        left -= got;
        yield buffer.subarray(0, got);
      }
    } finally {
      closeSync(fd);
    }
  }
}
