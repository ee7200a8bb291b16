import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** The protocol that a client has asked for, and its connection after the answer; `protocol` is '' where it named none. */
export type Upgraded =
  | { carrier: 'websocket'; protocol: string; connection: WebSocket }
  | { carrier: 'spdy'; protocol: string; connection: Duplex };

/** A refusal as HTTP tells it. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** Bytes of one message of a WebSocket. */
const LARGEST_MESSAGE = 16 * 1024 * 1024;

const words = (header: string | string[] | undefined): string[] =>
  [header ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');

/**
 * Agrees with a client on the first of its protocols that is among `spoken`, and answers 101.
 * @throws Refused
 */
export async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  spoken: { websocket: readonly string[]; spdy: readonly string[] },
): Promise<Upgraded> {
  const asked = words(request.headers.upgrade).map((word) => word.toLowerCase());
  const carrier = asked.includes('websocket') ? 'websocket' : asked.includes('spdy/3.1') ? 'spdy' : undefined;
  if (!carrier) throw new Refused(400, 'use the upgrade websocket or SPDY/3.1');
  const named = words(
    request.headers[carrier === 'websocket' ? 'sec-websocket-protocol' : 'x-stream-protocol-version'],
  );
  // Headers of one name come joined, in the client's order of preference.
  const protocol = named.length === 0 ? '' : named.find((name) => spoken[carrier].includes(name));
  if (protocol === undefined || (named.length === 0 && !spoken[carrier].includes('')))
    throw new Refused(
      403,
      `none of the protocols is known: ${named.join(', ')}; use ${spoken[carrier].join(', ')}`,
    );
  if (carrier === 'websocket')
    return { carrier, protocol, connection: await webSocket(request, socket, head, protocol) };
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1'];
  if (protocol) lines.push(`X-Stream-Protocol-Version: ${protocol}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  return { carrier, protocol, connection: socket };
}

async function webSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LARGEST_MESSAGE,
    handleProtocols: () => protocol || false,
  });
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the client has gone')));
    server.handleUpgrade(request, socket, head, resolve);
  });
}
