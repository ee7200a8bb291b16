import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { ApiMessage, acceptUpgrades, hijack } from './hijack.ts';
import { oneByOne } from './pipeline.ts';

let server: Server;
let seen: string[];
let clientErrors: Error[];
/** Ends the answer to `GET /wait`. */
let goOn: () => void;

/** A server that echoes what is sent behind the start of an exec, in capitals, its body first. */
beforeEach(async () => {
  [seen, clientErrors] = [[], []];
  const route = (request: IncomingMessage, response: ServerResponse) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.url === '/wait') {
      response.write('waiting');
      goOn = () => response.end('waited');
      return;
    }
    if (request.url !== '/exec/x/start') {
      response.end('http');
      return;
    }
    let body = '';
    request.on('data', (bytes) => {
      body += bytes;
    });
    request.on('end', () => {
      const socket = hijack(request, response, undefined, {});
      socket.write(body.toUpperCase());
      socket.on('data', (bytes: Buffer) => socket.write(bytes.toString().toUpperCase()));
      socket.on('end', () => socket.end('bye'));
    });
  };
  server = createServer({ IncomingMessage: ApiMessage }, oneByOne(route));
  acceptUpgrades(server, route);
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

const START = 'POST /exec/x/start HTTP/1.1\r\nHost: x\r\n';
const GET = 'GET /other HTTP/1.1\r\nHost: x\r\n\r\n';

test('after a request bytes go both ways that are no HTTP, and each direction ends by itself', async () => {
  const socket = await dial();
  const comes = reader(socket);
  socket.write(`${START}Content-Length: 2\r\n\r\nab`);
  await comes('HTTP/1.1 200 OK\r\n\r\nAB');
  for (const text of ['\0 not http \r\n\r\n', GET, 'x'.repeat(300_000)]) {
    socket.write(text);
    await comes(text.toUpperCase());
  }
  socket.end();
  await comes('bye');
  expect(clientErrors).toEqual([]);
});

test.each([
  ['', 'Content-Length: 2', 'ab'],
  [
    'Connection: Upgrade\r\nUpgrade: tcp\r\n',
    'Transfer-Encoding: chunked',
    '1\r\na\r\n1;x\r\nb\r\n0\r\nt: y\r\n\r\n',
  ],
  ['Upgrade: tcp\r\n', 'Content-Length: 0', ''],
])(
  'bytes in the same packet are none of HTTP, though they look like a request (%j)',
  async (upgrade, length, body) => {
    const socket = await dial();
    const comes = reader(socket);
    socket.write(`${START}${upgrade}${length}\r\n\r\n${body}${GET}`);
    await comes(`\r\n\r\n${body === '' ? '' : 'AB'}${GET.toUpperCase()}`);
    expect(seen).toEqual(['POST /exec/x/start']);
    socket.end();
    await comes('bye');
  },
);

test('a client that waits to be told to send its body is told', async () => {
  const socket = await dial();
  const comes = reader(socket);
  socket.write(`${START}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
  await comes('HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('ab');
  await comes('HTTP/1.1 200 OK\r\n\r\nAB');
  socket.end();
  await comes('bye');
});

test('a request waits for the answers to those before it, whatever it asks for', async () => {
  const socket = await dial();
  const comes = reader(socket);
  socket.write(
    `GET /wait HTTP/1.1\r\nHost: x\r\n\r\n${GET}${START}Upgrade: tcp\r\nContent-Length: 2\r\n\r\nab`,
  );
  await comes('waiting');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(seen).toEqual(['GET /wait']);
  goOn();
  await comes('waited');
  await comes('http');
  await comes('AB');
  expect(seen).toEqual(['GET /wait', 'GET /other', 'POST /exec/x/start']);
  socket.end();
  await comes('bye');
});

test('requests of one packet are served in turns of their own, and too many end the connection', async () => {
  const turns: number[] = [];
  let turn = 0;
  const count = () => {
    turn += 1;
    if (turns.length < 50) setImmediate(count);
  };
  count();
  const socket = await dial();
  const comes = reader(socket);
  const original = seen.push.bind(seen);
  seen.push = (...texts) => {
    turns.push(turn);
    return original(...texts);
  };
  socket.write(GET.repeat(50));
  for (let left = 50; left > 0; left--) await comes('http');
  expect(new Set(turns).size).toBe(50);
  socket.write(GET.repeat(1000));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
});
