import { type ClientHttp2Session, connect } from 'node:http2';
import { type AddressInfo, createServer, connect as open, type Server, type Socket } from 'node:net';
import { codec } from './codec.ts';
import { GrpcServer, methodsFor } from './server.ts';
import { errorOf, GrpcError } from './status.ts';

// Clients that send what no library of gRPC would: they are told, and hold nobody else up.

const table = codec({ List: { texts: '1 repeated string' }, Count: { count: '1 int32' } });
const { method } = methodsFor(table);
let failure: GrpcError;
let server: Server;
let client: ClientHttp2Session;
let socket: Socket;

beforeAll(async () => {
  const grpc = new GrpcServer({
    '/count': method('List', 'Count', async ({ requests }) => {
      let count = 0;
      for await (const { texts } of requests) count += texts.length;
      return { count };
    }),
    '/fail': method('List', 'Count', async () => {
      throw failure;
    }),
  });
  server = createServer((connection) => void grpc.accept(connection));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  socket = open((server.address() as AddressInfo).port, '127.0.0.1');
  client = connect('http://127.0.0.1', {
    createConnection: () => socket,
    settings: { maxHeaderListSize: 1 << 20 },
  });
});
afterAll(() => {
  client.destroy();
  server.close();
});

const framed = (message: Buffer, size = message.length, flag = 0) => {
  const head = Buffer.from([flag, 0, 0, 0, 0]);
  head.writeUInt32BE(size, 1);
  return Buffer.concat([head, message]);
};

/** Sends the pieces and answers with the status, its message, and what was counted. */
async function call(pieces: Iterable<Buffer>, path = '/count') {
  const stream = client.request({ ':method': 'POST', ':path': path, te: 'trailers' });
  let head: Record<string, unknown> = {};
  const told: Buffer[] = [];
  stream.on('response', (headers) => {
    head = { ...head, ...headers };
  });
  stream.on('trailers', (headers) => {
    head = { ...head, ...headers };
  });
  stream.on('data', (chunk: Buffer) => told.push(chunk));
  stream.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => stream.on('close', () => resolve()));
  for (const piece of pieces) {
    if (stream.destroyed) break;
    if (!stream.write(piece))
      await Promise.race([closed, new Promise((resolve) => stream.once('drain', resolve))]);
  }
  stream.end();
  await closed;
  const answer = Buffer.concat(told);
  return {
    status: head['grpc-status'],
    message: decodeURIComponent(String(head['grpc-message'] ?? '')),
    error: errorOf(head),
    count: answer.length > 5 ? table.decode('Count', answer.subarray(5)).count : 0,
  };
}

const text = table.encode('List', { texts: ['a'] });

test('a message that is too long, compressed or malformed is refused', async () => {
  expect(await call([framed(text, 17 << 20)])).toMatchObject({ status: '8', message: /too large/ });
  expect(await call([framed(text, text.length, 1)])).toMatchObject({ status: '12' });
  expect(await call([framed(Buffer.from([0x0a, 9]))])).toMatchObject({ status: '13', message: /cut off/ });
  const many = framed(Buffer.alloc(1 << 20, Buffer.from([0x0a, 0])));
  expect(await call([many])).toMatchObject({ status: '8', message: /more than 16384 values/ });
});

test('messages come whole, however they are cut', async () => {
  const sent = Buffer.concat([framed(text), framed(Buffer.alloc(0)), framed(text), framed(Buffer.alloc(0))]);
  for (const size of [1, 3, 5, 7, 64])
    expect(
      await call(
        Array.from({ length: Math.ceil(sent.length / size) }, (_, at) =>
          sent.subarray(at * size, at * size + size),
        ),
      ),
    ).toMatchObject({ status: '0', count: 2 });
});

test('many small messages at once hold nobody up', async () => {
  let longest = 0;
  let last = process.cpuUsage();
  const timer = setInterval(() => {
    longest = Math.max(longest, process.cpuUsage(last).user);
    last = process.cpuUsage();
  }, 1);
  // The client runs in this process, too: it makes what it sends before.
  const pieces = Array.from({ length: 64 }, () => Buffer.concat(Array(2000).fill(framed(text))));
  last = process.cpuUsage();
  expect(await call(pieces)).toMatchObject({ status: '0', count: 128_000 });
  clearInterval(timer);
  expect(longest).toBeLessThan(60_000); // microseconds
});

test('an error that does not fit into trailers is told without its details, and without the middle of its message', async () => {
  const fails = async (message: string, size: number) => {
    failure = new GrpcError(2, message, [{ type_url: 'a/Detail', value: Buffer.alloc(size, 'd') }]);
    return (await call([framed(text)], '/fail')).error!;
  };
  const small = await fails('failed', 30 << 10);
  expect([small.code, small.message, small.details[0]?.value.length]).toEqual([2, 'failed', 30 << 10]);
  const large = await fails('failed', 2 << 20);
  expect([large.code, large.message, large.details]).toEqual([2, 'failed', []]);
  for (const char of ['a', '\n', '\u20ac', '\u{1f600}']) {
    const long = await fails(`begins${char.repeat(1 << 20)}: exit code: 1`, 200 << 10);
    expect(long.message).toMatch(/^begins.* \[\.\.\.\] .*: exit code: 1$/s);
  }
});
