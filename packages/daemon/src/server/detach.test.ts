import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { detachParser, hasAnswered } from './detach.ts';

let server: Server;
let clientErrors: Error[];

/** A server that takes each POST's connection from HTTP and echoes in capitals. */
beforeEach(async () => {
  clientErrors = [];
  server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.end('http');
      return;
    }
    request.resume().on('end', () => {
      const socket = response.socket!;
      expect(hasAnswered(socket)).toBe(false);
      response.removeAllListeners('finish');
      response.detachSocket(socket);
      detachParser(socket);
      for (const event of ['data', 'end', 'close', 'error']) expect(socket.listenerCount(event)).toBe(0);
      socket.on('error', () => socket.destroy());
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.on('data', (bytes: Buffer) => socket.write(bytes.toString().toUpperCase()));
      socket.on('end', () => socket.end('bye'));
    });
  });
  server.on('clientError', (error) => clientErrors.push(error));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const dial = (): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true }, () =>
      resolve(socket),
    );
  });

function reader(socket: Socket): (wanted: string) => Promise<void> {
  let text = '';
  let wake = () => {};
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString();
    wake();
  });
  return async (wanted) => {
    while (!text.includes(wanted)) await new Promise<void>((resolve) => (wake = resolve));
    text = text.slice(text.indexOf(wanted) + wanted.length);
  };
}

test('after a request bytes go both ways that are no HTTP, and each direction ends by itself', async () => {
  const socket = await dial();
  const comes = reader(socket);
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await comes('\r\n\r\n');
  for (const text of ['\0 not http \r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'x'.repeat(300_000)]) {
    socket.write(text);
    await comes(text.toUpperCase());
  }
  socket.end();
  await comes('bye');
  expect(clientErrors).toEqual([]);
});

test('a request before on the same connection leaves nothing behind', async () => {
  const socket = await dial();
  const comes = reader(socket);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await comes('http');
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
  await comes('\r\n\r\n');
  socket.write('again');
  await comes('AGAIN');
  socket.end();
  await comes('bye');
});
