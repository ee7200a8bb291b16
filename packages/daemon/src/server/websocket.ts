import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { Connection } from './connections/hijack.ts';

/** Bytes of one message: what people type and programs read is far smaller. */
const LARGEST_MESSAGE = 16 * 1024 * 1024;

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: LARGEST_MESSAGE,
});

/** Answers a WebSocket's request. What is written goes out as binary messages, what comes in is the messages' content. */
export async function acceptWebSocket(
  request: IncomingMessage,
  { socket, head }: Connection,
): Promise<Duplex> {
  const client = await new Promise<WebSocket>((resolve, reject) => {
    socket.once('close', () => reject(new Error('the client has gone')));
    server.handleUpgrade(request, socket, head, resolve);
  });
  const stream = createWebSocketStream(client);
  // A message that breaks the protocol ends the connection; there is nobody else to tell.
  stream.on('error', () => undefined);
  // The stream's own end is one for its reader alone. Bytes that had come before are still read.
  client.once('close', () => {
    if (stream.readableLength === 0) stream.destroy();
    else stream.once('end', () => stream.destroy());
  });
  return stream;
}
