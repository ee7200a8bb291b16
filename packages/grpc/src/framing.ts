import type { Duplex, Readable } from 'node:stream';
import { GrpcError, INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED } from './status.ts';

/** Bytes of the largest message that is read, as with BuildKit and containerd. */
const MAX_MESSAGE = 16 * 1024 * 1024;
/** A message stands behind these: whether it is compressed, and its length. */
const HEAD = 5;
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

/** A message as it stands in the stream. */
export function frame(bytes: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/**
 * A connection whose other side has ended is of no use to HTTP/2, but one that comes from an HTTP server may be half open:
 * it would stay for ever.
 */
export function closeAtEnd(connection: Duplex): void {
  connection.once('end', () => connection.destroy());
}
