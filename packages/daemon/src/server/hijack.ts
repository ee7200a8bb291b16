import { type Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { invalidParameter } from '../base/errors.ts';
import { detachParser, hasAnswered, stopFlowing } from './detach.ts';

/**
 * The only place that knows how a connection leaves HTTP: attach, exec start and the build session talk raw bytes after
 * the request. Some clients ask for it with `Upgrade: tcp`, others just POST and go on talking.
 */

/** The largest request body that may come before a raw stream. */
const BODY_LIMIT = 1024 * 1024;
/** How long each part of such a body is waited for, in milliseconds. */
const PATIENCE = 60_000;

const taken = Symbol('berth.hijack');

interface Upgrade {
  protocol: string;
  socket: Duplex;
  /** Bytes after the request that have already arrived. */
  head: Buffer;
}

type Marked = IncomingMessage & { [taken]?: Upgrade };
/** Bytes that came right behind a plain POST, which the HTTP parser could not make sense of. */
const early = new WeakMap<Socket, Buffer[]>();

const PLAIN = /^\/(?:v[\d.]+\/)?(?:containers\/.+\/attach|exec\/[^/]+\/start)(?:\?|$)/;

/**
 * Lets requests that ask for an upgrade through to `route` as ordinary requests, their body read from the connection
 * (Node ends HTTP at the header block of such a request).
 */
export function acceptUpgrades(
  server: HttpServer,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  // Any other protocol named in an Upgrade header (curl --http2 sends one) is an offer that may be ignored.
  (
    server as unknown as { shouldUpgradeCallback: (request: IncomingMessage) => boolean }
  ).shouldUpgradeCallback = (request) => wanted(request) !== undefined;

  server.on('upgrade', (original: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    readBody(original, socket, head).then(
      ({ body, rest }) => {
        const request = copyOf(original, socket, body);
        request[taken] = { protocol: wanted(original) ?? 'tcp', socket, head: rest };
        const response = new ServerResponse(request);
        response.shouldKeepAlive = false;
        response.assignSocket(socket);
        socket.on('drain', () => response.emit('drain'));
        response.on('finish', () => {
          response.detachSocket(socket);
          socket.end();
        });
        route(request, response);
      },
      (error: Error) =>
        socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n${error.message}\n`, () =>
          socket.destroy(),
        ),
    );
  });

  server.on('request', (request: IncomingMessage) => {
    if (request.method === 'POST' && PLAIN.test(request.url ?? '')) early.set(request.socket, []);
  });
  server.on('clientError', (error: Error & { code?: string; rawPacket?: Buffer }, socket: Socket) => {
    const waiting = early.get(socket);
    if (waiting && error.rawPacket) {
      waiting.push(waiting.length === 0 ? behindRequest(error.rawPacket) : error.rawPacket);
      return;
    }
    const status =
      error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    if (socket.writable && !hasAnswered(socket))
      socket.write(
        `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
      );
    socket.destroy();
  });
}

/** The protocol that the request asks the connection to be upgraded to; undefined when it doesn't. */
export function wanted(request: IncomingMessage): string | undefined {
  const mark = (request as Marked)[taken];
  if (mark) return mark.protocol;
  const upgrade = request.headers.upgrade?.toLowerCase();
  if (upgrade === 'tcp') return upgrade;
  if (upgrade === 'websocket' && /\/attach\/ws(?:\?|$)/.test(request.url ?? '')) return upgrade;
  if (upgrade === 'h2c' && /^\/(?:v[\d.]+\/)?(?:session|grpc)(?:\?|$)/.test(request.url ?? ''))
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

/** Takes a connection out of HTTP with nothing sent. The request's body must have been read. */
export function leaveHttp(request: IncomingMessage, response: ServerResponse): Connection {
  const upgrade = (request as Marked)[taken];
  const socket = (upgrade?.socket ?? response.socket) as Socket | null;
  if (!socket || socket.destroyed) throw new Error('the client has gone');
  response.removeAllListeners('finish');
  response.detachSocket(socket);
  const head = upgrade?.head ?? Buffer.concat(early.get(socket) ?? []);
  if (!upgrade) {
    early.delete(socket);
    detachParser(socket);
  }
  socket.setTimeout(0);
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

/** The bytes behind the request in a packet that the parser stumbled over. */
function behindRequest(packet: Buffer): Buffer {
  const blank = packet.indexOf('\r\n\r\n');
  if (blank === -1) return packet;
  const length = /\r\ncontent-length: *(\d+)/i.exec(packet.toString('latin1', 0, blank));
  return packet.subarray(blank + 4 + Number(length?.[1] ?? 0));
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

async function readBody(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<{ body: Buffer; rest: Buffer }> {
  const length = Number(request.headers['content-length'] ?? 0);
  const chunked = request.headers['transfer-encoding']?.toLowerCase() === 'chunked';
  if (!chunked && length === 0) return { body: Buffer.alloc(0), rest: head };
  if (length > BODY_LIMIT) throw new Error('request body too large');
  let bytes = head;
  for (;;) {
    const found = chunked
      ? unchunk(bytes)
      : bytes.length >= length
        ? { body: bytes.subarray(0, length), rest: bytes.subarray(length) }
        : null;
    if (found) return found;
    if (bytes.length > BODY_LIMIT) throw new Error('request body too large');
    bytes = Buffer.concat([bytes, await nextBytes(socket)]);
  }
}

function nextBytes(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = () => {
      socket.off('readable', readable);
      socket.off('end', ended);
      socket.off('close', ended);
      clearTimeout(late);
      stopFlowing(socket);
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

/** A whole chunked body at the start of `bytes`; null when more is needed. */
function unchunk(bytes: Buffer): { body: Buffer; rest: Buffer } | null {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return null;
    const text = bytes.toString('latin1', at, line).split(';', 1)[0]!.trim();
    if (!/^[0-9a-fA-F]{1,8}$/.test(text)) throw new Error('malformed chunk');
    const size = Number.parseInt(text, 16);
    const end = line + 2 + size;
    if (bytes.length < end + 2) return null;
    if (size === 0) return { body: Buffer.concat(parts), rest: bytes.subarray(end + 2) };
    parts.push(bytes.subarray(line + 2, end));
    at = end + 2;
  }
}
