import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CliError } from '../base/errors.ts';

const PIECE = 256 * 1024;

/** A piece of a layer's tar: bytes as they were, or a file of the layer's folder. */
export type Piece = { bytes: Buffer } | { file: Buffer; size: number };

/** A line of tar-split's record of a tar: 2 is a segment of it, 1 a file that was taken out. */
interface Line {
  type: number;
  name?: string;
  name_raw?: string;
  size?: number;
  payload?: string;
}

/** The pieces of the tar that dockerd made a layer's folder of. @throws when the record cannot be read. */
export function tarPieces(record: string): Piece[] {
  const pieces: Piece[] = [];
  for (const text of gunzipSync(readFileSync(record)).toString().split('\n')) {
    if (text === '') continue;
    const line = JSON.parse(text) as Line;
    if (line.type === 2) pieces.push({ bytes: Buffer.from(line.payload ?? '', 'base64') });
    else if (line.size)
      // Names that are no UTF-8 stand in base64.
      pieces.push({
        file: line.name_raw ? Buffer.from(line.name_raw, 'base64') : Buffer.from(line.name ?? ''),
        size: line.size,
      });
  }
  return pieces;
}

/** Bytes of a tar. */
export const tarSize = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, piece) => sum + ('bytes' in piece ? piece.bytes.length : piece.size), 0);

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
export async function* layerTar(folder: string, pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
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

/**
 * The changes of a container as a layer's tar. `lower` are the folders below its own, the topmost first. The C core reads
 * them, since it knows the whiteouts of overlays.
 */
export async function changesTar(upper: string, lower: readonly string[]): Promise<Buffer> {
  const program = join(dirname(process.argv[1] ?? ''), 'berth-native');
  const words = [
    'layer',
    'diff',
    '--upper',
    upper,
    '--started',
    'yes',
    '--',
    ...lower.flatMap((path) => ['folder', path]),
  ];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'], env: {} });
  let report = '';
  (child.stdio[3] as NodeJS.ReadableStream).on('data', (part) => {
    report += part;
  });
  const parts: Buffer[] = [];
  child.stdout!.on('data', (part: Buffer) => parts.push(part));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new CliError(`what is in ${upper} cannot be read: ${report.trim()}`);
  return Buffer.concat(parts);
}
