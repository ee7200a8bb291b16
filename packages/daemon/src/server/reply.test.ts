import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { FastifyReply } from 'fastify';
import { ApiMessage, acceptUpgrades } from './connections/hijack.ts';
import { Reply } from './reply.ts';

test('a handler that fails after its connection left HTTP ends it: a client would wait for ever', async () => {
  const route = async (request: IncomingMessage, response: ServerResponse) => {
    const reply = new Reply({ raw: response, hijack: () => reply } as unknown as FastifyReply, request, {});
    await reply.hijack();
    reply.fail(500, 'the disk is full');
  };
  const server = createServer({ IncomingMessage: ApiMessage }, route);
  acceptUpgrades(server, route);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('POST /exec/x/start HTTP/1.1\r\nHost: x\r\n\r\n');
  let said = '';
  client.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  await once(client, 'close');
  expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  server.close();
});
