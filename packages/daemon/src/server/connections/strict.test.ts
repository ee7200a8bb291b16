import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { strictly } from './strict.ts';

let server: Server;
beforeAll(async () => {
  server = createServer(
    { maxHeaderSize: 1 << 20 },
    strictly((_request, response) => response.end('served')),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** What is answered to bytes, until the connection ends or something was served. */
const answer = (bytes: string): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (data) => {
      text += data;
      if (text.includes('served')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });

const get = (target: string) => answer(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);

test('a path or a number of parameters that no request has is refused before anything is made of it', async () => {
  expect(await get(`/images/${'a/'.repeat(20_000)}json`)).toMatch(
    /^HTTP\/1.1 414 .*\r\n\r\n414 URI Too Long$/s,
  );
  expect(await get(`/images/${'a/'.repeat(4000)}json?x=${'a/'.repeat(20_000)}`)).toContain('served');
  expect(await get(`/images/get?${'names=a&'.repeat(20_000)}`)).toMatch(
    /^HTTP\/1.1 400 .*too many parameters$/s,
  );
  expect(await get(`/images/get?${'names=a&'.repeat(5000)}`)).toContain('served');
});

test('a refusal is the only answer, whatever stands behind the request', async () => {
  const refused = await answer(
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\nrubbish\r\n\r\n',
  );
  expect(refused.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  expect(refused).toContain('501 Not Implemented');
});
