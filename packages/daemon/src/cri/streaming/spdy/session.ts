import { Duplex } from 'node:stream';
import { drained } from '@berth/grpc/drained.ts';
import { HeaderCodec, type Headers } from './headers.ts';

/* SPDY 3.1 as Kubernetes' clients speak it (a server's side): streams that the client opens, without flow control of their
   own; a stream whose reader is slow holds the connection up. */

const TYPES = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
} as const;
const VERSION = 3;
const FIN = 1;
const HEAD = 8;
/** Bytes of one frame that are taken at most. */
const FRAME_MAX = 1 << 20;
const DATA_MAX = 32 * 1024;
const STREAMS_MAX = 4096;
/** Bytes of the body of a ping, and of the least body of each frame that is looked into. */
const PING = 4;
const SYN_STREAM = 10;

export interface SpdyStream extends Duplex {
  readonly headers: Headers;
}

/** Serves one connection; `opened` is called for each stream of the client's, which is answered then. */
export class SpdySession {
  readonly closed: Promise<void>;
  readonly #connection: Duplex;
  readonly #opened: (stream: SpdyStream) => void;
  readonly #codec = new HeaderCodec();
  readonly #streams = new Map<number, SpdyStream>();
  #last = 0;

  constructor(connection: Duplex, opened: (stream: SpdyStream) => void) {
    this.#connection = connection;
    this.#opened = opened;
    connection.on('error', () => undefined);
    // A write that waits for the reader of one stream learns of the connection's end by that stream's.
    connection.once('close', () => this.#end());
    this.closed = this.#serve().then(
      () => this.#end(),
      () => this.#end(),
    );
  }

  close(): void {
    this.#connection.end();
    setTimeout(() => this.#connection.destroy(), 1000).unref();
  }

  #end(): void {
    for (const stream of this.#streams.values()) stream.destroy();
    this.#streams.clear();
    this.#codec.close();
    this.#connection.destroy();
  }

  async #serve(): Promise<void> {
    let held: Buffer = Buffer.alloc(0);
    for await (const chunk of this.#connection as AsyncIterable<Buffer>) {
      held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      while (held.length >= HEAD) {
        const size = held.readUInt32BE(4) & 0xffffff;
        if (size > FRAME_MAX) throw new Error('a frame is too large');
        if (held.length < HEAD + size) break;
        const frame = held.subarray(0, HEAD + size);
        held = held.subarray(HEAD + size);
        if (frame[0]! & 0x80) await this.#control(frame);
        else await this.#data(frame);
      }
    }
  }

  async #control(frame: Buffer): Promise<void> {
    const flags = frame[4]!;
    const body = frame.subarray(HEAD);
    switch (frame.readUInt16BE(2)) {
      case TYPES.synStream:
        return this.#open(body, flags);
      case TYPES.rstStream:
        this.#streams.get(body.readUInt32BE(0) & 0x7fffffff)?.destroy();
        return;
      case TYPES.ping:
        if (body.length !== PING) throw new Error('a ping that is none');
        return this.#answer(frame);
      case TYPES.headers:
        // Part of the compressed stream, whatever it says.
        await this.#codec.unpack(body.subarray(4));
    }
  }

  async #open(body: Buffer, flags: number): Promise<void> {
    const id = body.readUInt32BE(0) & 0x7fffffff;
    const headers = await this.#codec.unpack(body.subarray(SYN_STREAM));
    if (id <= this.#last || id % 2 === 0 || this.#streams.size >= STREAMS_MAX)
      throw new Error('a stream that cannot be');
    this.#last = id;
    const stream = this.#stream(id, headers);
    this.#streams.set(id, stream);
    const block = await this.#codec.pack({});
    const answer = Buffer.alloc(4);
    answer.writeUInt32BE(id);
    await this.#answer(control(TYPES.synReply, 0, Buffer.concat([answer, block])));
    if (flags & FIN) stream.push(null);
    this.#opened(stream);
  }

  #stream(id: number, headers: Headers): SpdyStream {
    const stream = new Duplex({
      allowHalfOpen: true,
      read: () => stream.emit('room'),
      write: (chunk: Buffer, _encoding, done) => {
        void this.#write(id, chunk).then(() => done(), done);
      },
      final: (done) => {
        this.#send(data(id, FIN, Buffer.alloc(0)));
        done();
      },
      destroy: (error, done) => {
        this.#streams.delete(id);
        stream.emit('room');
        done(error);
      },
    });
    stream.on('error', () => undefined);
    return Object.assign(stream, { headers });
  }

  async #write(id: number, chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += DATA_MAX)
      await this.#answer(data(id, 0, chunk.subarray(at, at + DATA_MAX)));
  }

  /** Sends a frame; a client that does not read is waited for. */
  async #answer(frame: Buffer): Promise<void> {
    if (!this.#send(frame) && !this.#connection.destroyed) await drained(this.#connection);
  }

  async #data(frame: Buffer): Promise<void> {
    const stream = this.#streams.get(frame.readUInt32BE(0) & 0x7fffffff);
    if (!stream || stream.readableEnded) return;
    if (frame.length > HEAD && !stream.push(Buffer.from(frame.subarray(HEAD)))) {
      if (!stream.destroyed) await new Promise<void>((resolve) => stream.once('room', () => resolve()));
    }
    if (frame[4]! & FIN) stream.push(null);
  }

  #send(frame: Buffer): boolean {
    return this.#connection.destroyed || this.#connection.writableEnded || this.#connection.write(frame);
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE((flags << 24) | body.length, 4);
  return Buffer.concat([head, body]);
}

function data(id: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE((flags << 24) | body.length, 4);
  return Buffer.concat([head, body]);
}
