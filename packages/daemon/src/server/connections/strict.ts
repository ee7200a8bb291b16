import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Requests that HTTP lets through Node's parser but that two readers may take differently, or that never end: refused
 * with the status and the words of Go's server, and the connection closed.
 */

type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** Characters of a Host header (golang.org/x/net/http/httpguts). */
const HOST = /^[\w!$%&'()*+,\-.:;=[\]~]*$/;

/** Characters of a path: more than any name has. */
const PATH_MAX = 16 * 1024;
/** Parameters of a query; a list of many has them in one (`filters`). */
const PARAMETERS_MAX = 10_000;

/** Bytes of a chunked body that may come in a row without a byte of content. */
const FRAMING = 64 * 1024;
/** How often that is looked at, in milliseconds. */
const EVERY = 1000;

/** Lets only requests of an unambiguous form and an ending frame through. */
export function strictly(route: Route): Route {
  return (request, response) => {
    const refused = refusal(request);
    if (refused) {
      answer(request.socket, refused);
      return;
    }
    if (request.headers['transfer-encoding'] !== undefined && !request.complete) watch(request, response);
    route(request, response);
  };
}

/** Status line and text for a request that is refused. */
function refusal({ headers, rawHeaders, url = '' }: IncomingMessage): string | undefined {
  // Before anything is made of it: the time that takes grows with it.
  const query = url.indexOf('?');
  if ((query === -1 ? url.length : query) > PATH_MAX) return '414 URI Too Long\n414 URI Too Long';
  if (url.length > PARAMETERS_MAX && hasMore(url, '&', PARAMETERS_MAX))
    return '400 Bad Request\n400 Bad Request: too many parameters';
  const encoding = headers['transfer-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked')
    return '501 Not Implemented\nUnsupported transfer encoding';
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.length === 4 && rawHeaders[at]!.toLowerCase() === 'host') hosts += 1;
  if (hosts > 1) return '400 Bad Request\n400 Bad Request: too many Host headers';
  if (headers.host !== undefined && !HOST.test(headers.host))
    return '400 Bad Request\n400 Bad Request: malformed Host header';
  return undefined;
}

/** Whether a text has a character more often than that. */
function hasMore(text: string, character: string, times: number): boolean {
  let found = 0;
  for (let at = text.indexOf(character); at !== -1 && found <= times; at = text.indexOf(character, at + 1))
    found += 1;
  return found > times;
}

function answer(socket: Socket, refused: string): void {
  const [status, text] = refused.split('\n');
  // Ended at once: an error of the parser in the rest of the packet must not be told behind it.
  if (socket.writable)
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`,
      () => socket.destroy(),
    );
  else socket.destroy();
}

/** A chunked body that is being read. */
interface Watched {
  request: IncomingMessage;
  response: ServerResponse;
  /** Bytes of content so far, and at the last look. */
  content: number;
  seen: number;
  /** Bytes of the connection at the last look. */
  read: number;
}

const watched = new Set<Watched>();
let looking: NodeJS.Timeout | undefined;

/** Ends a body of chunk sizes that never end (`000000...`): Node's parser would read it for ever. */
function watch(request: IncomingMessage, response: ServerResponse): void {
  const one: Watched = { request, response, content: 0, seen: 0, read: request.socket.bytesRead };
  const push = request.push;
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    one.content += chunk?.length ?? 0;
    return push.call(request, chunk, encoding);
  };
  watched.add(one);
  looking ??= setInterval(look, EVERY).unref();
  request.once('close', () => {
    watched.delete(one);
    if (watched.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  });
}

function look(): void {
  for (const one of watched) {
    const { request, response } = one;
    const read = request.socket.bytesRead;
    if (one.content === one.seen && read - one.read > FRAMING) {
      if (response.headersSent) request.socket.destroy();
      else answer(request.socket, '400 Bad Request\n400 Bad Request: header line too long');
    }
    one.seen = one.content;
    one.read = read;
  }
}
