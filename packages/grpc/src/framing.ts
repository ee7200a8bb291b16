import type { Duplex, Readable } from 'node:stream';
import { GrpcError, INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED } from './status.ts';

/** Bytes of the largest message that is read. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** A message stands behind these: whether it is compressed, and its length. */
const HEAD = 5;

/** Cuts a byte stream into gRPC messages. @throws GrpcError for one that is too large, compressed or cut off */
export async function* messages(stream: Readable): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let length = 0;
  // A reader that stops early still has an answer to send on the same stream.
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held.push(chunk);
    length += chunk.length;
    while (length >= HEAD) {
      if (held[0]!.length < HEAD) held = [Buffer.concat(held)];
      const size = held[0]!.readUInt32BE(1);
      if (size > MAX_MESSAGE)
        throw new GrpcError(RESOURCE_EXHAUSTED, `message of ${size} bytes is too large`);
      if (held[0]![0] !== 0) throw new GrpcError(UNIMPLEMENTED, 'compressed messages are not supported');
      if (length < HEAD + size) break;
      const all = held.length === 1 ? held[0]! : Buffer.concat(held);
      yield all.subarray(HEAD, HEAD + size);
      held = [all.subarray(HEAD + size)];
      length -= HEAD + size;
    }
  }
  if (length > 0) throw new GrpcError(INTERNAL, 'the stream ended within a message');
}

/** A message as it stands in the stream. */
export function frame(bytes: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Resolves once a stream takes more, or is gone; nothing stays listening on it. */
export function drained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

/**
 * A connection whose other side has ended is of no use to HTTP/2, but one that comes from an HTTP server may be half open:
 * it would stay for ever.
 */
export function closeAtEnd(connection: Duplex): void {
  connection.once('end', () => connection.destroy());
}
