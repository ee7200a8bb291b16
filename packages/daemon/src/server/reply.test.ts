import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { FastifyReply } from 'fastify';
import { Reply } from './reply.ts';

test('a handler that fails after its connection left HTTP ends it: a client would wait for ever', async () => {
  const server = createServer(async (request, response) => {
    const reply = new Reply({ raw: response, hijack: () => reply } as unknown as FastifyReply, request, {});
    await reply.hijack();
    reply.fail(500, 'the disk is full');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('POST /session HTTP/1.1\r\nHost: x\r\n\r\n');
  let said = '';
  client.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  await once(client, 'close');
  expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  server.close();
});
