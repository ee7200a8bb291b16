import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';

/** Bytes of one block of headers, unpacked: what a client of ours sends is some hundred. */
const BLOCK_MAX = 64 * 1024;

/** SPDY/3's dictionary (draft 3, section 2.6.10.1): words with their lengths, then a text. */
const WORDS =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200+OK version HTTP/1.1 url public set-cookie keep-alive origin'
    .split(' ')
    .map((word) => word.replace('+', ' '));
const TEXT =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

function length(size: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(size);
  return bytes;
}

export const dictionary = Buffer.concat([
  ...WORDS.flatMap((word) => [length(word.length), Buffer.from(word)]),
  Buffer.from(TEXT),
]);

export type Headers = Record<string, string>;

/** The headers of one connection: each direction is one compressed stream, cut into blocks. */
export class HeaderCodec {
  readonly #inflate: Inflate = createInflate({ dictionary });
  readonly #deflate: Deflate = createDeflate({ dictionary });
  #unpacked: Buffer[] = [];
  #size = 0;
  #packed: Buffer[] = [];
  #failed: Error | undefined;

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#size += chunk.length;
      if (this.#size <= BLOCK_MAX) this.#unpacked.push(chunk);
      // A small block may unpack to a thousand times its size: the rest of it is not looked at.
      else this.#inflate.destroy(new Error('headers are too large'));
    });
    this.#deflate.on('data', (chunk: Buffer) => this.#packed.push(chunk));
    const fail = (error: Error) => {
      this.#failed = error;
    };
    this.#inflate.on('error', fail);
    this.#deflate.on('error', fail);
  }

  /** @throws Error for a block that is damaged or too large. */
  async unpack(block: Buffer): Promise<Headers> {
    this.#unpacked = [];
    this.#size = 0;
    await new Promise<void>((resolve) => {
      this.#inflate.once('error', () => resolve());
      this.#inflate.write(block, () => resolve());
    });
    this.#inflate.removeAllListeners('error');
    this.#inflate.on('error', (error) => {
      this.#failed = error;
    });
    if (this.#failed) throw this.#failed;
    return parse(Buffer.concat(this.#unpacked));
  }

  async pack(headers: Headers): Promise<Buffer> {
    const entries = Object.entries(headers);
    const parts = [length(entries.length)];
    for (const [name, value] of entries)
      for (const text of [name.toLowerCase(), value]) {
        const bytes = Buffer.from(text);
        parts.push(length(bytes.length), bytes);
      }
    this.#packed = [];
    await new Promise<void>((resolve) => {
      this.#deflate.write(Buffer.concat(parts));
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve());
    });
    return Buffer.concat(this.#packed);
  }

  close(): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
  }
}

function parse(block: Buffer): Headers {
  const headers: Headers = {};
  let at = 0;
  const number = () => {
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = () => {
    const size = number();
    if (at + size > block.length) throw new Error('headers are cut off');
    at += size;
    return block.toString('utf8', at - size, at);
  };
  for (let count = number(); count > 0; count -= 1) {
    const name = text();
    headers[name.toLowerCase()] = text();
  }
  return headers;
}
