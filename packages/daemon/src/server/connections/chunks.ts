import type { IncomingHttpHeaders } from 'node:http';

/** Bytes of the largest body, and of the largest with what frames it. */
const BODY_MAX = 1024 * 1024;
const FRAMED_MAX = 8 * BODY_MAX;
/** Bytes of a line with the size of a chunk, or of a trailer. */
const LINE_MAX = 4096;
const LINE_END = '\r\n';

/** Reads the body of one request (RFC 9112, sections 6 and 7.1) of pieces however small, each byte once. */
export class BodyReader {
  /** The content so far stands before `#size`. */
  #content: Buffer;
  #size = 0;
  /** Bytes of the chunk (or of the whole body) that are still to come. */
  #left: number;
  readonly #chunked: boolean;
  /** A line whose end has not come yet. */
  #held: Buffer = Buffer.alloc(0);
  /** The next line is the empty one behind a chunk; one of those behind the last chunk. */
  #afterChunk = false;
  #afterAll = false;
  #taken = 0;

  /** @throws Error for a body that is too large */
  constructor(headers: IncomingHttpHeaders) {
    this.#chunked = headers['transfer-encoding']?.toLowerCase() === 'chunked';
    this.#left = this.#chunked ? 0 : Number(headers['content-length'] ?? 0);
    this.#content = Buffer.allocUnsafe(this.#chunked ? LINE_MAX : this.#bounded(this.#left));
  }

  get body(): Buffer {
    return this.#content.subarray(0, this.#size);
  }

  /** Takes the next bytes in; the rest of them once the body is whole. @throws Error for what is none, or too large */
  take(bytes: Buffer): Buffer | undefined {
    this.#taken += bytes.length;
    const all = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
    this.#held = Buffer.alloc(0);
    let at = 0;
    for (;;) {
      at += this.#copy(all, at);
      if (this.#left > 0) break;
      if (!this.#chunked) return all.subarray(at);
      const end = all.indexOf(LINE_END, at);
      if ((end === -1 ? all.length : end) - at > LINE_MAX) throw new Error('malformed chunk');
      if (end === -1) {
        this.#held = all.subarray(at);
        break;
      }
      const line = all.toString('latin1', at, end);
      at = end + LINE_END.length;
      if (this.#afterAll && line === '') return all.subarray(at);
      if (!this.#afterAll) this.#line(line);
    }
    if (this.#taken > FRAMED_MAX) throw new Error('request body too large');
    return undefined;
  }

  /** The line before or behind a chunk. */
  #line(line: string): void {
    if (this.#afterChunk) {
      if (line !== '') throw new Error('malformed chunk');
      this.#afterChunk = false;
      return;
    }
    const size = line.split(';', 1)[0]!.trim();
    if (!/^[0-9a-fA-F]{1,8}$/.test(size)) throw new Error('malformed chunk');
    this.#left = Number.parseInt(size, 16);
    this.#afterAll = this.#left === 0;
    this.#afterChunk = !this.#afterAll;
  }

  #copy(bytes: Buffer, at: number): number {
    const length = Math.min(this.#left, bytes.length - at);
    if (length === 0) return 0;
    const size = this.#bounded(this.#size + length);
    if (size > this.#content.length) {
      const grown = Buffer.allocUnsafe(Math.max(size, 2 * this.#content.length));
      this.#content.copy(grown, 0, 0, this.#size);
      this.#content = grown;
    }
    bytes.copy(this.#content, this.#size, at, at + length);
    this.#size = size;
    this.#left -= length;
    return length;
  }

  #bounded(size: number): number {
    if (size > BODY_MAX) throw new Error('request body too large');
    return size;
  }
}
