import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { begin, outputOf, post, talk } from '../support/raw.ts';

/* Clients of a container's streams: each byte once, also for those that come late, and nothing left of those that went. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const none = { HostConfig: { NetworkMode: 'none' } };
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1&v=1`);

/** The numbers of a text of one a line. */
const numbers = (text: string) => text.trim().split(/\s+/).map(Number);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('the log and then the stream', () => {
  const path = (id: string) => `/containers/${id}/attach?logs=1&stream=1&stdout=1&stderr=1`;

  test('have each line of a fast writer once and in order, for every client', async () => {
    for (const [Tty, LogConfig] of [
      [false, { Type: 'json-file', Config: {} }],
      [true, { Type: 'local', Config: {} }],
      [false, { Type: 'json-file', Config: { 'max-size': '100k', 'max-file': '9' } }],
    ] as const) {
      const lines = 10_000;
      const script = `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo $i; done; sleep 1`;
      const id = await daemon.box(['sh', '-c', script], {
        Tty,
        HostConfig: { ...none.HostConfig, LogConfig },
      });
      const clients: Promise<string>[] = [];
      for (let client = 0; client < 6; client++) {
        clients.push(talk(daemon, post(path(id), {})));
        await sleep(15);
      }
      for (const answer of await Promise.all(clients)) {
        const text = Tty ? answer.slice(answer.indexOf('\r\n\r\n') + 4) : outputOf(answer);
        expect(numbers(text)).toEqual(upTo(lines));
      }
      await remove(id);
    }
  });

  test('a line that is not finished is seen by the clients it was written to alone, as with dockerd', async () => {
    const id = await daemon.box(
      ['sh', '-c', 'echo whole; printf begun; printf err >&2; read x; echo " and ended"; echo or >&2'],
      { ...none, OpenStdin: true, StdinOnce: true },
    );
    await until(
      'the output',
      async () => (await daemon.call('GET', `/containers/${id}/logs?stdout=1`)).text.length > 8,
    );
    await sleep(100);
    const reader = talk(daemon, post(path(id), {}));
    await sleep(100);
    const writer = await begin(daemon, post(`/containers/${id}/attach?stream=1&stdin=1`, {}));
    writer.end('\n');
    const output = outputOf(await reader);
    expect(output.replace('or\n', '')).toBe('whole\n and ended\n');
    await remove(id);
  });

  test('that begins before the start has the earlier runs first', async () => {
    const created = await daemon.call('POST', '/containers/create', {
      Image: 'bb',
      Cmd: ['sh', '-c', 'seq 1000'],
      ...none,
    });
    const id = created.json.Id as string;
    for (const run of [1, 2, 3]) {
      const answer = talk(daemon, post(path(id), {}));
      await sleep(50);
      await daemon.call('POST', `/containers/${id}/start`);
      expect(numbers(outputOf(await answer))).toEqual(Array.from({ length: run }, () => upTo(1000)).flat());
    }
    await remove(id);
  });
});

describe('clients that went leave nothing behind', () => {
  const open = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;
  const children = (pid: number) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  const supervisorOf = (pid: number) =>
    Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

  /** Begins a request, waits for the answer's head, and breaks the connection off: so often, some at a time. */
  async function abort(text: () => Promise<string> | string, times = 500): Promise<void> {
    const one = async () => {
      const request = await text();
      await new Promise<void>((resolve, reject) => {
        const socket = connect(daemon.socket);
        socket.once('data', () => socket.destroy());
        socket.once('error', reject);
        socket.once('close', () => resolve());
        socket.write(request);
      });
    };
    const rounds = Array.from({ length: 10 }, async () => {
      for (let round = 0; round < times / 10; round++) await one();
    });
    await Promise.all(rounds);
  }

  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

  test('no descriptor in the daemon, the launcher or the supervisor', async () => {
    const id = await daemon.box(['sh', '-c', 'echo begun; exec sleep 1000'], { ...none, OpenStdin: true });
    const created = await daemon.call('POST', '/containers/create', {
      Image: 'bb',
      OpenStdin: true,
      ...none,
    });
    const waiting = created.json.Id as string;
    const { Pid } = (await daemon.call('GET', `/containers/${id}/json`)).json.State;
    const exec = async (config: object) => {
      const { json } = await daemon.call('POST', `/containers/${id}/exec`, config);
      return post(`/exec/${json.Id}/start`, {});
    };
    const kinds: Record<string, () => Promise<string> | string> = {
      attach: () => post(`/containers/${id}/attach?stream=1&stdout=1&stderr=1`, {}),
      'attach with input': () => post(`/containers/${id}/attach?stream=1&stdin=1&stdout=1`, {}),
      'attach with the log': () => post(`/containers/${id}/attach?logs=1&stream=1&stdout=1`, {}),
      'attach before the start': () => post(`/containers/${waiting}/attach?stream=1&stdin=1&stdout=1`, {}),
      'attach by WebSocket': () =>
        `GET /containers/${id}/attach/ws?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      logs: () => get(`/containers/${id}/logs?follow=1&stdout=1`),
      stats: () => get(`/containers/${id}/stats?stream=1`),
      events: () => get('/events'),
      wait: () => `POST /containers/${id}/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
    };
    const processes = () => [daemon.process!.pid!, ...children(daemon.process!.pid!), supervisorOf(Pid)];
    const count = () => processes().map((pid) => `${pid}: ${open(pid)}`);
    for (const [kind, request] of Object.entries(kinds)) {
      // Descriptors that the first of a kind needs stay: an inotify instance, a channel to a helper.
      await abort(request, 10);
      // Connections whose input is not read are looked at once a second.
      await sleep(kind === 'attach before the start' ? 1500 : 300);
      const before = count();
      await abort(request);
      await until(`the end of each ${kind}`, () => `${count()}` === `${before}`, 6000).catch(() => {
        expect([kind, ...count()]).toEqual([kind, ...before]);
      });
    }
    // The program of an exec goes on without its client, as in Docker: it has to end by itself.
    const before = count();
    await abort(() => exec({ Cmd: ['sleep', '0.2'], AttachStdout: true }), 100);
    await abort(() => exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true }), 100);
    await until('the end of each exec', () => `${count()}` === `${before}`, 10_000).catch(() => {
      expect(count()).toEqual(before);
    });
    await remove(id);
    await remove(waiting);
  }, 120_000);

  test('attach by WebSocket: messages in and out, and a refusal of what is none', async () => {
    const id = await daemon.box(['sh', '-c', 'read a; read b; echo "got $a $b"; sleep 9'], {
      ...none,
      OpenStdin: true,
    });
    const request = (headers: string) =>
      `GET /containers/${id}/attach/ws?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n` +
      `Upgrade: websocket\r\n${headers}\r\n`;
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    for (const headers of ['', key, `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n`])
      expect(await talk(daemon, request(headers))).toMatch(/^HTTP\/1.1 400 .*Sec-WebSocket/s);
    const socket = connect({ path: daemon.socket });
    socket.write(request(`Sec-WebSocket-Version: 13\r\n${key}`));
    let answer = '';
    socket.on('data', (part: Buffer) => {
      answer += part.toString('latin1');
    });
    // RFC 6455's own example of the key's answer.
    await until('the handshake', async () => answer.includes('\r\n\r\n'));
    expect(answer).toMatch(/^HTTP\/1.1 101 .*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/s);
    // A client masks what it sends: here with zeros. A text and a binary message, in pieces, then a ping.
    const frame = (first: number, text: string) =>
      Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
    socket.write(frame(0x81, 'one\n'));
    socket.write(frame(0x02, 'tw').subarray(0, 3));
    socket.write(
      Buffer.concat([frame(0x02, 'tw').subarray(3), frame(0x80, 'o\n'), frame(0x89, 'still there')]),
    );
    await until('the output', async () => answer.includes('\x82\x0cgot one two\n'));
    await until('the pong', async () => answer.includes('\x8a\x0bstill there'));
    // One that is not masked breaks the protocol: the reason comes (1002), then the end.
    socket.write(Buffer.from([0x82, 1, 0x78]));
    await until('the end', async () => answer.includes('\x88\x02\x03\xea'));
    await remove(id);
  });

  test('a client that only ends its input stays', async () => {
    const id = await daemon.box(['sh', '-c', 'sleep 2.5; echo late'], none);
    const socket = await begin(daemon, post(`/containers/${id}/attach?stream=1&stdout=1`, {}));
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    socket.end();
    await new Promise((resolve) => socket.once('end', resolve));
    expect(text).toContain('late');
    await remove(id);
  });
});
