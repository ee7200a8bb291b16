import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Deliverer, openDeliverer } from './deliverer.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-deliverer-'));
const { postMessage } = Worker.prototype;
let thread: Worker | undefined;
let deliverer: Deliverer;

beforeAll(async () => {
  Worker.prototype.postMessage = function (this: Worker, ...order: Parameters<typeof postMessage>) {
    thread = this;
    postMessage.apply(this, order);
  };
  // A port that nobody listens on.
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const record = {
    driver: 'syslog',
    options: { 'syslog-address': `tcp://127.0.0.1:${port}` },
    id: 'a'.repeat(64),
    name: 'a',
    tag: 'a',
    attributes: {},
    hostname: 'here',
    limit: 0,
  };
  writeFileSync(join(folder, 'delivery.json'), JSON.stringify(record));
  deliverer = openDeliverer();
});
afterAll(() => {
  deliverer.close();
  Worker.prototype.postMessage = postMessage;
  rmSync(folder, { recursive: true, force: true });
});

test('a thread that ends leaves no start believing that its receiver is there', async () => {
  const told = expect.stringContaining('connection refused');
  expect(await deliverer.open(folder, true)).toEqual(told);
  const answer = deliverer.open(folder, true);
  await thread!.terminate();
  // And one that comes while there is no thread.
  const second = deliverer.open(folder, true);
  expect(await Promise.all([answer, second])).toEqual([told, told]);
});
