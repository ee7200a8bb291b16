import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { deflateSync, inflateSync } from 'node:zlib';
import { dictionary, HeaderCodec } from './headers.ts';
import { SpdySession, type SpdyStream } from './session.ts';

// Clients that break SPDY's rules, or read nothing: their own connection ends or waits, and nothing is kept of it.

let server: Server | undefined;
let client: Socket;
const opened: SpdyStream[] = [];
let session: SpdySession;
let served: Socket;

beforeEach(async () => {
  opened.length = 0;
  await new Promise<void>((resolve) => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      served = socket;
      session = new SpdySession(socket, (stream) => opened.push(stream));
      resolve();
    });
    server.listen(0, '127.0.0.1', () => {
      client = connect((server!.address() as AddressInfo).port, '127.0.0.1');
      client.on('error', () => undefined);
    });
  });
});
afterEach(() => {
  client.destroy();
  server?.close();
});

function frame(type: number, body: Buffer, size = body.length): Buffer {
  const head = Buffer.from([0x80, 3, type >> 8, type & 0xff, 0, 0, 0, 0]);
  head.writeUIntBE(size, 5, 3);
  return Buffer.concat([head, body]);
}

const codec = new HeaderCodec();
const synStream = async (id: number, headers = {}) => {
  const head = Buffer.alloc(10);
  head.writeUInt32BE(id);
  return frame(1, Buffer.concat([head, await codec.pack(headers)]));
};

const sum = ({ user, system }: NodeJS.CpuUsage) => user + system;

async function until(check: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !check(); await new Promise((resolve) => setTimeout(resolve, 5)))
    if (Date.now() > end) throw new Error('gave up waiting');
}

test.each([
  ['a frame that is too large', frame(6, Buffer.alloc(0), 2 << 20)],
  ['a ping of another size', frame(6, Buffer.alloc(4096))],
  ['a stream that is cut off', frame(1, Buffer.alloc(3))],
  ['headers that are no stream of deflate', frame(8, Buffer.alloc(64, 7))],
  [
    'headers that are cut off',
    frame(8, Buffer.concat([Buffer.alloc(4), deflateSync(Buffer.alloc(6, 1), { dictionary })])),
  ],
])('%s ends the connection', async (_, bytes) => {
  client.write(bytes);
  await session.closed;
  expect(opened).toEqual([]);
});

test('headers that unpack to much are not unpacked to their end', async () => {
  const bomb = deflateSync(Buffer.alloc(64 << 20), { dictionary });
  const before = process.cpuUsage();
  inflateSync(bomb, { dictionary });
  const whole = sum(process.cpuUsage(before));
  // Other work of this process counts, too: the least of some tries is the codec's.
  const tries: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    const began = process.cpuUsage();
    await expect(new HeaderCodec().unpack(bomb)).rejects.toThrow('headers are too large');
    tries.push(sum(process.cpuUsage(began)));
  }
  expect(Math.min(...tries)).toBeLessThan(whole / 3);
  client.write(frame(8, Buffer.concat([Buffer.alloc(4), bomb])));
  await session.closed;
});

test('pings of a client that reads nothing are not gathered', async () => {
  client.pause();
  const pings = Buffer.concat(Array.from({ length: 20_000 }, () => frame(6, Buffer.alloc(4))));
  for (let count = 0; count < 50; count += 1) client.write(pings);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(served.writableLength).toBeLessThan(1 << 20);
  expect(client.writableLength).toBeGreaterThan(0);
});

test('a client that goes while its data waits for a reader is noticed', async () => {
  client.write(await synStream(1, { streamtype: 'stdin' }));
  await until(() => opened.length === 1);
  const data = Buffer.alloc(8 + 65536);
  data.writeUInt32BE(1, 0);
  data.writeUInt32BE(65536, 4);
  client.write(data);
  await until(() => opened[0]!.readableLength > 0);
  client.resetAndDestroy();
  await session.closed;
  expect(opened[0]!.destroyed).toBe(true);
});
