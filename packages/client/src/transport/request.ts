import type { Duplex } from 'node:stream';
import { drained } from '@berth/grpc/drained.ts';

/** A request to the daemon. */
export interface Request {
  method: string;
  path: string;
  /** A header with several values is sent once for each. */
  headers: Record<string, string | readonly string[]>;
  body?: string | Buffer | AsyncIterable<Uint8Array>;
}

/**
 * Writes a request to a connection. A body that comes in pieces is sent as it comes, for as long as the connection is not
 * `closed`: the promise is for its end.
 * @returns undefined when all of it is written already
 */
export function sendRequest(
  stream: Duplex,
  request: Request,
  closed: () => boolean,
): Promise<void> | undefined {
  const { method, path, headers, body } = request;
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (const [name, values] of Object.entries(headers))
    for (const value of [values].flat()) head += `${name}: ${value.replace(/[\r\n]/g, ' ')}\r\n`;
  if (body === undefined) {
    if (method === 'POST' || method === 'PUT') head += 'Content-Length: 0\r\n';
    stream.write(`${head}\r\n`);
    return undefined;
  }
  if (typeof body === 'string' || Buffer.isBuffer(body)) {
    head += `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    if (typeof body === 'string') stream.write(head + body);
    else {
      stream.write(head);
      stream.write(body);
    }
    return undefined;
  }
  stream.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
  return sendChunks(stream, body, closed);
}

async function sendChunks(
  stream: Duplex,
  body: AsyncIterable<Uint8Array>,
  closed: () => boolean,
): Promise<void> {
  for await (const chunk of body) {
    if (closed()) return;
    if (!chunk.length) continue;
    // In one call, or each end would be sent by itself.
    stream.cork();
    stream.write(`${chunk.length.toString(16)}\r\n`);
    stream.write(chunk);
    const more = stream.write('\r\n');
    stream.uncork();
    if (!more) await drained(stream);
  }
  if (!closed()) stream.write('0\r\n\r\n');
}
