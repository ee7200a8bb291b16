/*
 * From a log file's lines to what the API sends, one pass over the bytes: no text is made of them, nothing is allocated
 * per line. The supervisor writes lines of one shape,
 *   {"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}
 * optionally with `"attrs":{...},` before the stream's or the time's key; any other order goes the slow way.
 */

import { jsonLines } from './cri-lines.ts';
import { begins, compareTime, hex4, SECONDS, TIMESTAMP, writeHeader, writeTime } from './line-parts.ts';

export interface TranscodeOptions {
  stdout: boolean;
  stderr: boolean;
  timestamps: boolean;
  details: boolean;
  /** Leave the 8-byte headers out (terminals). */
  raw: boolean;
  /** The lines are in the format of the Container Runtime Interface. */
  cri?: boolean;
  /** Make each entry a chunk of HTTP's chunked encoding (RFC 9112, section 7.1): readers exist that take a chunk for one. */
  chunks?: boolean | undefined;
  /** Times as `timeKey` writes them; '' for none. */
  since: string;
  until: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const CR = 0x0d;
const BLANK = 0x20;
const HEX = Buffer.from('0123456789abcdef');
/** The longest size of a chunk with its line end. */
const LEAD_MAX = 10;
const HEAD = Buffer.from('{"log":"');
const STREAM = Buffer.from(',"stream":"std');
const TIME = Buffer.from('","time":"');

/** A time in the form the transcoder compares: seconds, then nine digits of a fraction. */
export function timeKey(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000n)).toISOString().slice(0, SECONDS);
  return `${seconds}.${(nanos % 1_000_000_000n).toString().padStart(9, '0')}`;
}

/** Turns blocks of whole lines into blocks of frames. */
export class Transcoder {
  /** True once a line later than `until` was met: nothing more is to come. */
  finished = false;
  private readonly options: TranscodeOptions;
  private readonly since: Buffer;
  private readonly until: Buffer;
  private readonly headers: boolean;
  private readonly chunks: boolean;
  private out = Buffer.alloc(0);
  private at = 0;
  /** How many hexadecimal digits the size of the last chunk had. */
  private digits = 2;

  constructor(options: TranscodeOptions) {
    this.options = options;
    this.since = Buffer.from(options.since);
    this.until = Buffer.from(options.until);
    this.headers = !options.raw;
    this.chunks = options.chunks === true;
  }

  /** `block` holds whole lines (the last may lack its newline). The result is the caller's. */
  push(lines: Buffer): Buffer {
    const block = this.options.cri ? jsonLines(lines) : lines;
    // A frame, in its chunk, is shorter than its line; timestamps are as long as the line's own time.
    this.out = Buffer.allocUnsafe(block.length + 64);
    this.at = 0;
    let position = 0;
    while (position < block.length && !this.finished) {
      const next = this.fast(block, position);
      position = next === -1 ? this.slow(block, position) : next;
    }
    return this.out.subarray(0, this.at);
  }

  /** Room that is left in front of an entry for the size of its chunk: as much as the entry before it needed. */
  private get lead(): number {
    return this.chunks ? this.digits + 2 : 0;
  }

  /** The entry whose lead is at `from` ends at `to`: makes it a chunk where that is asked for. */
  private close(from: number, to: number): void {
    this.at = to;
    if (!this.chunks) return;
    const { out } = this;
    const start = from + this.lead;
    const size = to - start;
    if (size === 0) {
      this.at = from; // an empty chunk would be the end
      return;
    }
    const digits = size < 0x10 ? 1 : size < 0x100 ? 2 : size < 0x1000 ? 3 : size < 0x10000 ? 4 : 8;
    const body = from + digits + 2;
    if (digits !== this.digits) {
      this.digits = digits;
      out.copyWithin(body, start, to);
    }
    for (let index = digits - 1, rest = size; index >= 0; index -= 1, rest = rest >>> 4)
      out[from + index] = HEX[rest & 0xf]!;
    out[body - 2] = CR;
    out[body - 1] = NEWLINE;
    out[body + size] = CR;
    out[body + size + 1] = NEWLINE;
    this.at = body + size + 2;
  }

  /** One line of the usual shape; the position after it, or -1 (nothing written) when it has another shape. */
  private fast(block: Buffer, start: number): number {
    const { out, options } = this;
    const end = block.length;
    if (!begins(block, start, HEAD)) return -1;
    const frame = this.at + this.lead;
    const stamp = frame + (this.headers ? 8 : 0);
    const body = stamp + (options.timestamps ? TIMESTAMP : 0) + (options.details ? 1 : 0);
    let to = body;
    let from = start + 8;
    for (;;) {
      if (from >= end) return -1;
      const byte = block[from]!;
      if (byte === QUOTE) break;
      if (byte !== BACKSLASH) {
        out[to] = byte;
        to += 1;
        from += 1;
        continue;
      }
      const escaped = block[from + 1];
      const plain = escaped === undefined ? 0 : ESCAPES[escaped]!;
      if (plain !== 0) {
        out[to] = plain;
        to += 1;
        from += 2;
      } else {
        const code = hex4(block, from + 2);
        if (escaped !== 0x75 || code === -1) return -1;
        from += 6;
        if (code < 0x80) {
          out[to] = code;
          to += 1;
        } else {
          let point = code;
          if (code >= 0xd800 && code < 0xdc00 && block[from] === BACKSLASH && block[from + 1] === 0x75) {
            const low = hex4(block, from + 2);
            if (low >= 0xdc00 && low < 0xe000) {
              point = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
              from += 6;
            }
          }
          to += out.write(String.fromCodePoint(point), to);
        }
      }
    }
    from += 1;
    if (!begins(block, from, STREAM)) return -1;
    from += STREAM.length;
    const error = block[from] === 0x65;
    from += 3; // out, err
    if (!begins(block, from, TIME)) return -1;
    const time = from + TIME.length;
    from = time + SECONDS;
    while (from < end && block[from] !== NEWLINE) from += 1;
    const next = from + 1;
    if (error ? !options.stderr : !options.stdout) return next;
    if (this.since.length > 0 && compareTime(block, time, this.since) < 0) return next;
    if (this.until.length > 0 && compareTime(block, time, this.until) > 0) {
      this.finished = true;
      return next;
    }
    if (options.timestamps) writeTime(out, stamp, block, time);
    if (options.details) out[body - 1] = BLANK; // what ends the list of attributes, of which there are none
    if (this.headers) writeHeader(out, frame, error ? 2 : 1, to - stamp);
    this.close(this.at, to);
    return next;
  }

  /** One line of any shape, by way of JSON; a line that is broken (the machine lost power) is left out. */
  private slow(block: Buffer, start: number): number {
    const newline = block.indexOf(NEWLINE, start);
    const end = newline === -1 ? block.length : newline;
    const { options } = this;
    let line: { log?: unknown; stream?: unknown; time?: unknown; attrs?: Record<string, string> };
    try {
      line = JSON.parse(block.toString('utf8', start, end));
    } catch {
      return end + 1;
    }
    const error = line.stream === 'stderr';
    if (error ? !options.stderr : !options.stdout) return end + 1;
    const time = Buffer.from(typeof line.time === 'string' ? line.time : '');
    if (this.since.length > 0 && compareTime(time, 0, this.since) < 0) return end + 1;
    if (this.until.length > 0 && compareTime(time, 0, this.until) > 0) {
      this.finished = true;
      return end + 1;
    }
    const stamp = Buffer.alloc(options.timestamps ? TIMESTAMP : 0);
    if (options.timestamps) writeTime(stamp, 0, time, 0);
    const details = options.details ? `${detailText(line.attrs ?? {})} ` : '';
    const text = Buffer.from(`${details}${typeof line.log === 'string' ? line.log : ''}`);
    this.room(LEAD_MAX + 8 + stamp.length + text.length + 2);
    const frame = this.at + this.lead;
    const header = this.headers ? 8 : 0;
    if (header) writeHeader(this.out, frame, error ? 2 : 1, stamp.length + text.length);
    stamp.copy(this.out, frame + header);
    text.copy(this.out, frame + header + stamp.length);
    this.close(this.at, frame + header + stamp.length + text.length);
    return end + 1;
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.out.length) return;
    const larger = Buffer.allocUnsafe(this.out.length * 2 + bytes);
    this.out.copy(larger, 0, 0, this.at);
    this.out = larger;
  }
}

/** Go's url.QueryEscape. */
const escaped = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** `a=1,b=2`, sorted, as the API writes extra details. */
function detailText(attributes: Record<string, string>): string {
  return Object.keys(attributes)
    .sort()
    .map((name) => `${escaped(name)}=${escaped(attributes[name]!)}`)
    .join(',');
}

/** The character that a letter after a backslash stands for; 0: not a short escape. */
const ESCAPES = new Uint8Array(256);
for (const [letter, byte] of [
  ['n', 10],
  ['t', 9],
  ['r', 13],
  ['b', 8],
  ['f', 12],
  ['"', QUOTE],
  ['\\', BACKSLASH],
  ['/', 0x2f],
] as const)
  ESCAPES[letter.charCodeAt(0)] = byte;
