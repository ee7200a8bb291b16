import type { Duplex, Readable, Writable } from 'node:stream';
import { drained } from './drained.ts';
import { GrpcError, INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED } from './status.ts';

/** Bytes of the largest message that is read, as with BuildKit and containerd. */
const MAX_MESSAGE = 16 * 1024 * 1024;
/** A message stands behind these: whether it is compressed, and its length. */
const HEAD = 5;
/** Bytes that are not gathered any more. */
const PIECE = 1 << 16;
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
  private pieces: Buffer[] = [];
  private size = 0;
  /** Settled once the stream takes more; undefined while it does. */
  private full: Promise<void> | undefined;

  constructor(stream: Writable) {
    this.stream = stream;
  }

  /** Sends the bytes of a message; the promise, where there is one, is settled when more may be sent. */
  send(bytes: Buffer): Promise<void> | undefined {
    const head = Buffer.allocUnsafe(HEAD);
    head[0] = 0;
    head.writeUInt32BE(bytes.length, 1);
    this.pieces.push(head, bytes);
    this.size += HEAD + bytes.length;
    if (this.size >= PIECE) this.flush();
    else if (this.pieces.length === 2) process.nextTick(() => this.flush());
    return this.full;
  }

  /** Hands on all that was sent; before the stream is ended. */
  flush(): void {
    const { pieces, stream } = this;
    if (pieces.length === 0) return;
    this.pieces = [];
    this.size = 0;
    if (stream.destroyed || stream.writableEnded) return;
    if (stream.write(Buffer.concat(pieces))) return;
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
