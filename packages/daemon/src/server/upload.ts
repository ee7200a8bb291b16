import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** How long what nobody reads any more is still taken from a client, in milliseconds. */
const PATIENCE = 10_000;

/**
 * A request's body as a stream of its own: whoever gives it up half-way does not cut the connection, on which the client
 * is still to be told why. The rest is read and thrown away for a while, as a client that writes may not listen yet.
 */
export function upload(request: IncomingMessage): Readable {
  const body = new Readable({
    highWaterMark: 1 << 18,
    read() {
      request.resume();
    },
    destroy(error, done) {
      request.resume();
      if (!request.readableEnded && !request.destroyed)
        setTimeout(() => request.readableEnded || request.destroy(), PATIENCE).unref();
      done(error);
    },
  });
  request.on('data', (chunk: Buffer) => {
    if (!body.destroyed && !body.push(chunk)) request.pause();
  });
  request.on('end', () => {
    if (!body.destroyed) body.push(null);
  });
  request.on('error', (error) => body.destroy(error));
  request.on('close', () => {
    if (!request.readableEnded) body.destroy(new Error('aborted'));
  });
  request.pause();
  return body;
}
