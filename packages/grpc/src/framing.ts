import type { Duplex, Readable, Writable } from 'node:stream';
import { drained } from './drained.ts';
import { GrpcError, INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED } from './status.ts';

/** Bytes of the largest message that is read, as with BuildKit and containerd. */
const MAX_MESSAGE = 16 * 1024 * 1024;
/** A message stands behind these: whether it is compressed, and its length. */
const HEAD = 5;
/** Bytes that are not gathered any more. */
const PIECE = 1 << 16;
/** The room of a writer that has nothing to send. */
const NONE = Buffer.alloc(0);
/** How long messages that have arrived are handed on before others have their turn, in milliseconds. */
const TURN = 10;

/** Cuts a byte stream into gRPC messages. @throws GrpcError for one that is too large, compressed or cut off */
export async function* messages(stream: Readable): AsyncGenerator<Buffer> {
  const head = Buffer.alloc(HEAD);
  let got = 0;
  let body: Buffer | undefined;
  let began = performance.now();
  // A reader that stops early still has an answer to send on the same stream.
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
    for (let at = 0; at < chunk.length; ) {
      if (!body) {
        const taken = chunk.copy(head, got, at);
        at += taken;
        got += taken;
        if (got < HEAD) break;
        body = bodyFor(head);
        got = 0;
      }
      // Its place is made once: pieces of a byte each would cost a hundred times their size.
      const taken = chunk.copy(body, got, at);
      at += taken;
      got += taken;
      if (got < body.length) break;
      yield body;
      body = undefined;
      got = 0;
      if (performance.now() - began > TURN) {
        await new Promise((resolve) => setImmediate(resolve));
        began = performance.now();
      }
    }
  if (got > 0 || body) throw new GrpcError(INTERNAL, 'the stream ended within a message');
}

/** The place for a message. @throws GrpcError for one that is too long, or compressed */
function bodyFor(head: Buffer): Buffer {
  const size = head.readUInt32BE(1);
  if (size > MAX_MESSAGE)
    throw new GrpcError(
      RESOURCE_EXHAUSTED,
      `message of ${size} bytes is too large: at most ${MAX_MESSAGE} are taken`,
    );
  if (head[0] !== 0) throw new GrpcError(UNIMPLEMENTED, 'compressed messages are not supported');
  return Buffer.allocUnsafe(size);
}

/**
 * Writes messages to a stream. What is sent in one turn of the loop goes as one piece: a stream of HTTP/2 takes longer for
 * the pieces than for their bytes.
 */
export class MessageWriter {
  private readonly stream: Writable;
  /** The message that is being gathered; its bytes are those before `end`. */
  private room = NONE;
  private end = 0;
  /** Settled once the stream takes more; undefined while it does. */
  private full: Promise<void> | undefined;

  constructor(stream: Writable) {
    this.stream = stream;
  }

  /** Sends the bytes of a message; the promise, where there is one, is settled when more may be sent. */
  send(bytes: Buffer): Promise<void> | undefined {
    const begin = this.end;
    const body = begin + HEAD;
    const end = body + bytes.length;
    if (end > this.room.length) this.grow(end);
    const { room } = this;
    room[begin] = 0;
    room.writeUInt32BE(bytes.length, begin + 1);
    room.set(bytes, body);
    this.end = end;
    if (end >= PIECE) this.flush();
    else if (begin === 0) process.nextTick(() => this.flush());
    return this.full;
  }

  /** Makes room up to `end`: for one message alone no more than it takes. */
  private grow(end: number): void {
    const grown = Buffer.allocUnsafe(
      this.end === 0 ? end : Math.max(end, Math.min(2 * this.room.length, PIECE)),
    );
    this.room.copy(grown, 0, 0, this.end);
    this.room = grown;
  }

  /** Hands on all that was sent; before the stream is ended. */
  flush(): void {
    const { room, end, stream } = this;
    if (end === 0) return;
    this.room = NONE;
    this.end = 0;
    if (stream.destroyed || stream.writableEnded) return;
    if (stream.write(room.subarray(0, end))) return;
    this.full ??= drained(stream).then(() => {
      this.full = undefined;
    });
  }
}

/**
 * A connection whose other side has ended is of no use to HTTP/2, but one that comes from an HTTP server may be half open:
 * it would stay for ever.
 */
export function closeAtEnd(connection: Duplex): void {
  connection.once('end', () => connection.destroy());
}
