import { createHash } from 'node:crypto';

/** One line of output, or a piece of a long one. */
export interface Entry {
  stream: 'stdout' | 'stderr';
  /** Without its newline. */
  text: Buffer;
  /** RFC 3339, UTC, as the log has it. */
  time: string;
  /** The offset of its end, in bytes from the log's first. */
  end: number;
  /** Set for a piece of a line that is longer than an entry may be. */
  piece?: { id: string; ordinal: number; last: boolean };
}

const HEAD = Buffer.from('{"log":"');
const STREAM = Buffer.from('","stream":"std');
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const HEX = Buffer.alloc(256, 255);
for (let digit = 0; digit < 16; digit += 1) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Reads the lines that the supervisor writes for the driver local (c/supervisor/log/jsonlog.h, json_escape_raw). */
export class EntryReader {
  private readonly id: string;
  private readonly unfinished = new Map<string, { id: string; time: string; ordinal: number }>();

  constructor(id: string) {
    this.id = id;
  }

  /** The entry of one line, without its newline; undefined for one that is broken (the machine lost power). */
  read(line: Buffer, end: number): Entry | undefined {
    const after = line.lastIndexOf(STREAM);
    if (after < HEAD.length || line.compare(HEAD, 0, HEAD.length, 0, HEAD.length) !== 0) return undefined;
    const rest = line.toString('latin1', after + STREAM.length);
    const match = /^(out|err)",(?:.*,)?"time":"([^"]+)"\}$/.exec(rest);
    if (!match) return undefined;
    const stream = match[1] === 'err' ? 'stderr' : 'stdout';
    const time = match[2]!;
    const text = unescaped(line.subarray(HEAD.length, after));
    const whole = text.at(-1) === NEWLINE;
    const entry: Entry = { stream, text: whole ? text.subarray(0, -1) : text, time, end };
    const piece = this.piece(stream, time, whole);
    if (piece) entry.piece = piece;
    return entry;
  }

  /** Pieces of one line have one time, that of the first. */
  private piece(stream: string, time: string, last: boolean): Entry['piece'] {
    const before = this.unfinished.get(stream);
    const continued = before?.time === time ? before : undefined;
    this.unfinished.delete(stream);
    if (last && !continued) return undefined;
    const piece = continued ?? {
      id: createHash('sha256').update(`${this.id}\0${stream}\0${time}`).digest('hex'),
      time,
      ordinal: 0,
    };
    piece.ordinal += 1;
    if (!last) this.unfinished.set(stream, piece);
    return { id: piece.id, ordinal: piece.ordinal, last };
  }
}

function unescaped(raw: Buffer): Buffer {
  let at = raw.indexOf(BACKSLASH);
  if (at === -1) return raw;
  const out = Buffer.allocUnsafe(raw.length);
  let from = 0;
  let to = 0;
  for (; at !== -1; at = raw.indexOf(BACKSLASH, from)) {
    to += raw.copy(out, to, from, at);
    const letter = raw[at + 1]!;
    if (letter === 0x75) {
      out[to] = (HEX[raw[at + 4]!]! << 4) | HEX[raw[at + 5]!]!; // controls only are written like this
      from = at + 6;
    } else {
      out[to] = letter === 0x6e ? NEWLINE : letter === 0x72 ? 0x0d : letter === 0x74 ? 0x09 : letter;
      from = at + 2;
    }
    to += 1;
  }
  to += raw.copy(out, to, from);
  return out.subarray(0, to);
}

/** Milliseconds since the epoch of an entry's time. */
export const milliseconds = (entry: Entry): number =>
  Date.parse(`${entry.time.slice(0, 19)}Z`) + millisecondsOf(entry);

const millisecondsOf = (entry: Entry): number => Math.floor(nanosecondsOf(entry) / 1e6);

/** The part of an entry's time below a second, in nanoseconds. */
export const nanosecondsOf = (entry: Entry): number =>
  Number((/\.(\d+)/.exec(entry.time)?.[1] ?? '').padEnd(9, '0').slice(0, 9));

/** Seconds since the epoch, without what is below one. */
export const seconds = (entry: Entry): number => Date.parse(`${entry.time.slice(0, 19)}Z`) / 1000;
