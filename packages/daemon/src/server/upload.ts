import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** How long what nobody reads any more is still taken from a client, in milliseconds. */
const PATIENCE = 10_000;
/** How many bytes of it are taken. */
const MOST = 1 << 30;

const bodies = new WeakMap<IncomingMessage, Readable>();

/**
 * Reads and throws away what still comes of a request that was answered: a client that writes first and reads then would
 * hang. Who sends on and on is cut off. To be called before Node's own end of the answer.
 */
export function discardRest(request: IncomingMessage): void {
  bodies.get(request)?.destroy();
  if (request.readableEnded || request.destroyed) return;
  const late = setTimeout(() => request.destroy(), PATIENCE);
  request.once('close', () => clearTimeout(late));
  let left = MOST;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.on('error', () => undefined);
  request.resume();
  closeAfterRest(request);
}

/**
 * Node closes a connection that the client wants closed (`Connection: close`) as soon as the answer is out: what it still
 * writes would fail before it has read why. Its end is sent then, as Go's server does, and the connection closed later.
 */
function closeAfterRest(request: IncomingMessage): void {
  const { socket } = request;
  const close = socket.destroySoon;
  socket.destroySoon = () => {
    socket.end();
    request.once('close', () => socket.destroySoon());
  };
  request.once('close', () => {
    socket.destroySoon = close;
  });
}

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
  bodies.set(request, body);
  return body;
}
