import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Api } from '../transport/api.ts';
import { guards, PageFiles } from './files.ts';
import { forward, refuse } from './forward.ts';
import { Gate, refusal } from './gate.ts';
import { type HeadersOf, serveStreams } from './live.ts';
import { KEY_HEADER, PROTOCOL } from './protocol.ts';

export interface UiOptions {
  api: Api;
  /** The page's files. */
  folder: string;
  /** 0: any that is free. */
  port: number;
  headersOf: HeadersOf;
}

export interface Ui {
  /** An address that opens a session, once. */
  address(): string;
  close(): void;
}

const CLOSED = `This page shows containers to whoever has its token.
Open the address that \`berth ui\` printed; each one opens once. Press Enter where \`berth ui\` runs for another.
`;

/** Serves the page on this machine's loopback address until it is closed. */
export async function serveUi({ api, folder, port, headersOf }: UiOptions): Promise<Ui> {
  const files = new PageFiles(folder);
  const server = createServer({ keepAliveTimeout: 60_000 });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
  const listening = (server.address() as AddressInfo).port;
  const gate = new Gate(listening);
  const { WebSocketServer } = await import('ws');
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: 1 << 20,
    perMessageDeflate: false,
    handleProtocols: () => PROTOCOL,
  });

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { method = 'GET', headers } = request;
    const reading = method === 'GET' || method === 'HEAD';
    const wrong = refusal(headers, !reading);
    for (const [name, value] of Object.entries(guards(headers.host ?? ''))) response.setHeader(name, value);
    if (wrong) return refuse(response, 403, wrong);
    const target = request.url ?? '/';
    if (target.startsWith('/api/')) {
      if (!gate.admits(headers, headers[KEY_HEADER] as string | undefined))
        return refuse(response, 401, 'no session: open the address that `berth ui` printed');
      void forward(api, target.slice('/api'.length), request, response).catch(() => response.destroy());
      return;
    }
    if (!reading) return refuse(response, 405, 'only the API takes anything but GET');
    const url = URL.parse(target, 'http://page');
    if (!url) return refuse(response, 400, 'the path is none');
    const { pathname, searchParams } = url;
    if (pathname !== '/') return files.send(response, pathname.slice(1));
    const token = searchParams.get('token');
    const session = token !== null && method === 'GET' ? gate.redeem(token) : undefined;
    if (session) return enter(response, session);
    if (gate.hasCookie(headers)) return files.send(response, 'index.html');
    response.writeHead(401, { 'Content-Type': 'text/plain; charset=utf-8' }).end(CLOSED);
  });

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { headers } = request;
    // Node listens to it no more: a peer that is gone would end this program.
    socket.on('error', () => socket.destroy());
    const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim());
    const key = offered[0] === PROTOCOL ? offered[1] : undefined;
    const wrong = refusal(headers, true);
    if (request.url !== '/live' || wrong || !gate.admits(headers, key)) {
      const status = wrong ? '403 Forbidden' : '401 Unauthorized';
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
        socket.destroy(),
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => serveStreams(opened, api, headersOf));
  });

  return {
    address: () => `http://127.0.0.1:${listening}/?token=${gate.issue()}`,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The first page of a session: its script keeps the key where this origin alone reads it, and goes on to the page itself. */
function enter(response: ServerResponse, { setCookie, key }: { setCookie: string; key: string }): void {
  const text = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Berth</title><meta name="berth-key" content="${key}"><link rel="icon" href="/icon.svg" type="image/svg+xml"><script type="module" src="/enter.js"></script><noscript>This page needs JavaScript.</noscript></html>\n`;
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Set-Cookie': setCookie }).end(text);
}
