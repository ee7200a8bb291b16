import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { sleep, TestDaemon, until } from '../../support/daemon.ts';
import { tarOf } from '../../support/tar.ts';

let daemon: TestDaemon;
const open: Socket[] = [];
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  for (const socket of open) socket.destroy();
  await daemon?.dispose();
});

/** Resident memory of the daemon, in MB. */
const memory = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.process!.pid}/status`, 'utf8'))![1]) / 1024;

/** Sends a request and reads nothing of the answer. */
function unread(head: string, body: Buffer = Buffer.alloc(0)): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(daemon.socket, () => {
      socket.write(`${head} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body, () => resolve(socket));
    });
    socket.pause();
    socket.on('error', reject);
    open.push(socket);
  });
}

test('a client that does not read costs little, and nobody else waits for it', async () => {
  const id = await daemon.box([
    'sh',
    '-c',
    'yes some text that is written | head -c 30000000; exec sleep 300',
  ]);
  await until('the output', () => daemon.docker(['top', id]).stdout.includes('sleep 300'));
  const before = memory();
  for (let turn = 0; turn < 30; turn++) {
    await unread(`GET /containers/${id}/logs?stdout=1&follow=1`);
    await unread('GET /images/bb/get');
  }
  await sleep(1500);
  expect(memory() - before).toBeLessThan(100);
  const began = Date.now();
  expect((await daemon.call('GET', '/_ping')).status).toBe(200);
  expect(Date.now() - began).toBeLessThan(1000);
  for (const socket of open.splice(0)) socket.destroy();
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('a build waits for a client that reads slowly, and loses nothing', async () => {
  const Dockerfile = 'FROM bb\nRUN yes 0123456789abcde | head -c 90000000; echo the end\n';
  const before = memory();
  const socket = await unread('POST /build?nocache=1', tarOf({ Dockerfile }));
  await sleep(1500);
  expect(memory() - before).toBeLessThan(50);
  let [size, text] = [0, ''];
  socket.on('data', (bytes: Buffer) => {
    size += bytes.length;
    text = (text + bytes.toString('latin1')).slice(-2000);
  });
  socket.resume();
  await until('the end of the build', () => text.includes('Successfully built'));
  expect(text).toContain('the end');
  expect(size).toBeGreaterThan(90_000_000);
});

test('a body without end is refused, and a client that goes in the middle of one is no error', async () => {
  const answer = await daemon.call('POST', '/containers/create', Buffer.alloc(40 << 20, 'x'), {
    'content-type': 'application/json',
  });
  expect(answer).toMatchObject({ status: 400, json: { message: 'the request body is too large' } });
  const socket = connect(daemon.socket);
  socket.write('POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
  socket.write('Content-Length: 1000\r\n\r\n{"Image":');
  await sleep(100);
  socket.destroy();
  await sleep(100);
  expect(daemon.log).not.toContain('level=error');
});
