import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Entry } from '../deliver/entries.ts';
import type { DeliveryRecord } from '../deliver/record.ts';
import { Connection } from './connection.ts';
import { fluentdSink } from './fluentd.ts';

// Receivers that answer wrong, too much, or not at all: only their own log waits, and it can be ended.

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function receiver(serve: (socket: Socket) => void): Promise<{ host: string; port: number }> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const entry: Entry = { stream: 'stdout', text: Buffer.from('a'), time: '2026-01-01T00:00:00Z', end: 1 };
const record = (port: number, more = {}) =>
  ({
    driver: 'fluentd',
    id: 'id',
    name: 'name',
    tag: 'tag',
    attributes: {},
    options: { 'fluentd-address': `127.0.0.1:${port}`, 'fluentd-request-ack': 'true', ...more },
  }) as unknown as DeliveryRecord;

test('an answer that is none fails the sending, not the thread', async () => {
  for (const answer of ['HTTP/1.1 400 Bad Request', '\x81\xc0', '\x81\xa3ack\x93']) {
    const { port } = await receiver((socket) =>
      socket.once('data', () => socket.write(Buffer.from(answer, 'latin1'))),
    );
    const sink = fluentdSink(record(port));
    await expect(sink.send([entry], true)).rejects.toThrow('fluentd: an answer that is no acknowledgement');
    sink.close();
  }
});

test('an answer of another message is told of; one without an end closes the connection', async () => {
  const other = await receiver((socket) =>
    socket.once('data', () => socket.write(Buffer.from('\x81\xa3ack\xa1x', 'latin1'))),
  );
  const sink = fluentdSink(record(other.port));
  await expect(sink.send([entry], true)).rejects.toThrow("message ack (x) doesn't match expected one");
  sink.close();
  const flood = await receiver((socket) => {
    for (let count = 0; count < 100; count += 1) socket.write(Buffer.alloc(65536, 'a'));
  });
  const connection = new Connection(flood);
  await connection.open();
  await expect(connection.answer(() => 0)).rejects.toThrow('the connection was closed');
  connection.close();
});

test('a handshake that is never answered ends with the connection', async () => {
  const silent = await receiver(() => undefined);
  const connection = new Connection({ ...silent, tls: {} });
  const opened = connection.open();
  const refused = expect(opened).rejects.toThrow('the connection was closed');
  await new Promise((resolve) => setTimeout(resolve, 20));
  connection.close();
  await refused;
  await expect(connection.open()).rejects.toThrow('the connection is closed');
});

test('a receiver that does not acknowledge, or does not read, is left after the timeout', async () => {
  const silent = await receiver(() => undefined);
  const unacknowledged = fluentdSink(record(silent.port, { 'fluentd-read-timeout': '50ms' }));
  await expect(unacknowledged.send([entry], true)).rejects.toThrow('read: i/o timeout');
  unacknowledged.close();
  const full = await receiver((socket) => socket.pause());
  const text = Buffer.alloc(64 * 1024 * 1024);
  const unread = fluentdSink(record(full.port, { 'fluentd-write-timeout': '50ms' }));
  await expect(unread.send([{ ...entry, text }], true)).rejects.toThrow('write: i/o timeout');
  unread.close();
});
