import { type Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { invalidParameter } from '../../base/errors.ts';
import { BodyReader } from './chunks.ts';
import { inTurn } from './pipeline.ts';

/**
 * The only place that knows how a connection leaves HTTP: attach, exec start and the build session talk raw bytes after
 * the request. Some clients ask for it with `Upgrade: tcp`, others just POST and go on talking.
 */

/** How long each part of such a body is waited for, in milliseconds. */
const PATIENCE = 60_000;

const taken = Symbol('berth.hijack');

interface Upgrade {
  /** The protocol that was asked for; undefined for a client that just goes on talking. */
  protocol: string | undefined;
  socket: Duplex;
  /** Bytes after the request that have already arrived. */
  head: Buffer;
}

type Marked = IncomingMessage & { [taken]?: Upgrade };

/** The paths after which clients just go on talking; a proxy's client names the host as well. */
const PLAIN = /^(?:https?:\/\/[^/?#]*)?\/(?:v[\d.]+\/)?(?:containers\/.+\/attach|exec\/[^/]+\/start)(?:\?|$)/;

/** Whether raw bytes may follow the request, which are no HTTP however much they look like it. */
const leavesHttp = (request: IncomingMessage): boolean =>
  wanted(request) !== undefined || (request.method === 'POST' && PLAIN.test(request.url ?? ''));

/**
 * A request as Node's parser makes it. Node ends HTTP at the head of one that is an `upgrade`; what follows others in the same
 * packet it takes for further requests, which somebody else's bytes for a process could be made to look like.
 * `hijack.test.ts` says whether a new version of Node still goes by this.
 */
export class ApiMessage extends IncomingMessage {
  get upgrade(): boolean {
    return this.method === 'CONNECT' || leavesHttp(this);
  }

  // Node sets what the headers alone say.
  set upgrade(_value: boolean) {}
}

/**
 * Lets requests whose connection may leave HTTP through to `route` as ordinary requests, their body read from the connection.
 * The server has to make `ApiMessage`s.
 */
export function acceptUpgrades(
  server: HttpServer,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  // Any other protocol named in an Upgrade header (curl --http2 sends one) is an offer that may be ignored.
  (
    server as unknown as { shouldUpgradeCallback: (request: IncomingMessage) => boolean }
  ).shouldUpgradeCallback = leavesHttp;

  server.on('upgrade', (original: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    // Node has taken its own listener away, which an answer that is still being sent waits for, too.
    socket.on('drain', () => answering(socket)?.emit('drain'));
    const serve = ({ body, rest }: { body: Buffer; rest: Buffer }) => {
      const request = copyOf(original, socket, body);
      request[taken] = { protocol: wanted(original), socket, head: rest };
      const response = new ServerResponse(request);
      inTurn(socket, response, () => {
        response.shouldKeepAlive = false;
        response.assignSocket(socket);
        response.on('finish', () => {
          response.detachSocket(socket);
          socket.end();
        });
        route(request, response);
      });
    };
    readBody(original, socket, head)
      .then(serve, (error: Error) =>
        socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n${error.message}\n`, () =>
          socket.destroy(),
        ),
      )
      .catch(() => socket.destroy());
  });

  server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    const status =
      error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    if (socket.writable && !answering(socket)?.headersSent)
      socket.write(
        `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
      );
    socket.destroy();
  });
}

/** The response that a connection is being sent: Node keeps it there, and gives no other way to it. */
const answering = (socket: Socket): ServerResponse | null | undefined =>
  (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage;

/** The protocol that the request asks the connection to be upgraded to; undefined when it doesn't. */
export function wanted(request: IncomingMessage): string | undefined {
  const mark = (request as Marked)[taken];
  if (mark) return mark.protocol;
  const upgrade = request.headers.upgrade?.toLowerCase();
  if (upgrade === 'tcp') return upgrade;
  if (upgrade === 'websocket' && /\/attach\/ws(?:\?|$)/.test(request.url ?? '')) return upgrade;
  if (
    upgrade === 'h2c' &&
    /^(?:https?:\/\/[^/?#]*)?\/(?:v[\d.]+\/)?(?:session|grpc)(?:\?|$)/.test(request.url ?? '')
  )
    return upgrade;
  return undefined;
}

/** @throws invalid-parameter for a request that is no WebSocket's: what `ws` would only find when HTTP has been left. */
export function checkWebSocket({ method, headers }: IncomingMessage): void {
  const key = headers['sec-websocket-key'];
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket' || !key)
    throw invalidParameter('this is for WebSocket clients: no Sec-WebSocket-Key in the request');
  if (!/^[+/0-9A-Za-z]{22}==$/.test(key))
    throw invalidParameter('Sec-WebSocket-Key must be the base64 text of 16 bytes');
  if (!['13', '8'].includes(headers['sec-websocket-version'] ?? ''))
    throw invalidParameter('Sec-WebSocket-Version must be 13');
}

/** A connection that has left HTTP. */
export interface Connection {
  socket: Duplex;
  /** Bytes that have come behind the request, and are not in the socket any more. */
  head: Buffer;
}

/** Takes a connection out of HTTP with nothing sent. */
export function leaveHttp(request: IncomingMessage, response: ServerResponse): Connection {
  const { socket, head } = (request as Marked)[taken] ?? {};
  if (!socket || !head || socket.destroyed) throw new Error('the client has gone');
  response.removeAllListeners('finish');
  response.detachSocket(socket as Socket);
  (socket as Socket).setTimeout(0);
  socket.removeAllListeners('drain');
  socket.on('error', () => socket.destroy());
  return { socket, head };
}

/**
 * Takes a connection out of HTTP and sends the response's head: 101 where the client asked for an upgrade, else 200
 * without a length.
 */
export function hijack(
  request: IncomingMessage,
  response: ServerResponse,
  contentType: string | undefined,
  headers: Record<string, string>,
): Duplex {
  const { socket, head } = leaveHttp(request, response);
  // The header alone is enough of a wish, without the `Connection: Upgrade` that makes Node leave HTTP.
  const protocol = wanted(request);
  let start = protocol ? 'HTTP/1.1 101 UPGRADED\r\n' : 'HTTP/1.1 200 OK\r\n';
  if (contentType !== undefined) start += `Content-Type: ${contentType}\r\n`;
  if (protocol) start += `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  for (const [name, value] of Object.entries(headers)) start += `${name}: ${value}\r\n`;
  socket.write(`${start}\r\n`);
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function copyOf(original: IncomingMessage, socket: Socket, body: Buffer): Marked {
  const request: Marked = new IncomingMessage(socket);
  request.method = original.method;
  request.url = original.url;
  request.httpVersion = original.httpVersion;
  request.httpVersionMajor = original.httpVersionMajor;
  request.httpVersionMinor = original.httpVersionMinor;
  request.headers = original.headers;
  request.rawHeaders = original.rawHeaders;
  if (body.length > 0) request.push(body);
  request.push(null);
  request.complete = true;
  return request;
}

/** Reads the body of such a request; `rest` is what has come behind it. @throws Error for one that is too long, malformed or late */
async function readBody(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<{ body: Buffer; rest: Buffer }> {
  const reader = new BodyReader(request.headers);
  let rest = reader.take(head);
  if (!rest && request.headers.expect?.toLowerCase() === '100-continue')
    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  while (!rest) rest = reader.take(await nextBytes(socket));
  return { body: reader.body, rest };
}

function nextBytes(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = () => {
      socket.off('readable', readable);
      socket.off('end', ended);
      socket.off('close', ended);
      clearTimeout(late);
      // Whoever comes next gets every byte.
      (socket as { readableFlowing: boolean | null }).readableFlowing = null;
    };
    const readable = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      done();
      resolve(chunk);
    };
    const ended = () => {
      done();
      reject(new Error('unexpected end of the request'));
    };
    const late = setTimeout(ended, PATIENCE);
    socket.on('readable', readable);
    socket.on('end', ended);
    socket.on('close', ended);
  });
}
