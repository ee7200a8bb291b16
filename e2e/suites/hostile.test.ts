import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openFiles } from '../faults/census.ts';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { tarOf } from '../support/tar.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(() => daemon.dispose());

/** Sends bytes on a connection of its own; what came back when the daemon closed it, or after `ms` milliseconds. */
function exchange(bytes: string | Buffer, ms = 5000): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    const socket = connect(daemon.socket);
    let text = '';
    const finish = (closed: boolean) => {
      clearTimeout(late);
      socket.destroy();
      resolve({ text, closed });
    };
    const late = setTimeout(() => finish(false), ms);
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
    });
    socket.on('error', () => finish(true));
    socket.on('close', () => finish(true));
    socket.write(bytes);
  });
}

const post = (headers: string, body: string) =>
  `POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked', body);

describe('HTTP that two readers may take differently', () => {
  test.each([
    ['two Host headers', 'GET /_ping HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', '400', 'too many Host headers'],
    ['a malformed Host', 'GET /_ping HTTP/1.1\r\nHost: a b\r\n\r\n', '400', 'malformed Host header'],
    ['no Host', 'GET /_ping HTTP/1.1\r\n\r\n', '400', ''],
    ['a folded header', 'GET /_ping HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n', '400', ''],
    ['two lengths', post('Content-Length: 2\r\nContent-Length: 3', '{} '), '400', ''],
    ['a length and chunks', post('Content-Length: 2\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), '400', ''],
    [
      'another encoding',
      post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
      '501',
      'Unsupported transfer encoding',
    ],
    ['a negative chunk', chunked('-2\r\n{}\r\n'), '400', ''],
    ['a chunk of too many digits', chunked('ffffffffffffffffff\r\n'), '400', ''],
    ['an extension without end', chunked(`2;${'a'.repeat(100_000)}`), '400', ''],
    ['chunk sizes without end', chunked('0'.repeat(200_000)), '400', 'header line too long'],
    [
      'headers without end',
      `GET /_ping HTTP/1.1\r\nHost: a\r\n${`a: ${'b'.repeat(9000)}\r\n`.repeat(200)}`,
      '431',
      '',
    ],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400', ''],
    ['TLS', Buffer.from(`160301020001${'00'.repeat(200)}`, 'hex'), '400', ''],
  ])('%s', async (_what, bytes, status, words) => {
    const { text, closed } = await exchange(bytes);
    expect(closed).toBe(true);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain(words);
    expect((await daemon.call('GET', '/_ping')).status).toBe(200);
  });

  test('the absolute form of a URI means its path', async () => {
    const { text } = await exchange(
      'GET http://docker/v1.44/_ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1.1 200 OK[\s\S]*OK$/);
  });

  test.each(['/session', '/grpc'])(
    'garbage in place of HTTP/2 on %s ends that connection alone',
    async (path) => {
      const upgrade = `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`;
      const frames = [
        'garbage'.repeat(100),
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff\xff\xff\x09\x01\0\0\0\0'.repeat(30)}`,
        '\0\0\0\x04\0\0\0\0\0\0\0\x05\x01\x04\0\0\0\x01\xff\xff\xff\xff\xff',
      ];
      for (const frame of frames) {
        const { text } = await exchange(Buffer.from(upgrade + frame, 'latin1'), 300);
        expect(text).toMatch(/^HTTP\/1.1 101 /);
      }
      expect((await daemon.call('GET', '/_ping')).status).toBe(200);
      expect(daemon.log).not.toMatch(/unhandled rejection|uncaught exception/);
    },
  );
});

describe('a client that writes all of it before it reads', () => {
  /** Writes 20 MB and only then listens; the answer's first line. */
  const stubborn = (
    method: string,
    path: string,
    type: string,
    encoding: string,
    connection = 'keep-alive',
  ): Promise<string> =>
    new Promise((resolve, reject) => {
      const size = 20 << 20;
      const socket = connect(daemon.socket);
      socket.pause();
      socket.on('error', reject);
      const head = encoding === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`;
      const piece = Buffer.alloc(1 << 20, 'x');
      const framed =
        encoding === 'chunked'
          ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
          : piece;
      let left = size / piece.length;
      const next = () => {
        if (left-- > 0) socket.write(framed, next);
        else {
          if (encoding === 'chunked') socket.write('0\r\n\r\n');
          socket.once('data', (bytes: Buffer) => {
            socket.destroy();
            resolve(bytes.toString().split('\r\n')[0]!);
          });
          socket.resume();
        }
      };
      const kind = `Host: x\r\nConnection: ${connection}\r\nContent-Type: ${type}`;
      socket.write(`${method} ${path} HTTP/1.1\r\n${kind}\r\n${head}\r\n\r\n`, next);
    });

  test.each([
    ['PUT', '/containers/nobody/archive?path=/', 'application/x-tar', 404],
    ['POST', '/images/create?fromSrc=-&repo=UPPER', 'application/x-tar', 400],
    ['POST', '/build?buildargs=x', 'application/x-tar', 400],
    ['POST', '/build', 'application/x-tar', 400],
    ['POST', '/images/load', 'application/x-tar', 200],
    ['POST', '/containers/create', 'application/json', 400],
    ['POST', '/nowhere', 'application/json', 404],
  ])(
    '%s %s gets its answer',
    async (method, path, type, status) => {
      const ways = [['chunked'], ['length'], ['chunked', 'close'], ['length', 'close']] as const;
      for (const [encoding, connection] of ways) {
        const line = await stubborn(method, path, type, encoding, connection);
        if (status !== 200) expect(line).toContain(` ${status} `);
      }
    },
    20_000,
  );
});

test('idle and half-said connections cost nobody else anything', async () => {
  const sockets = Array.from({ length: 200 }, (_, index) => {
    const socket = connect(daemon.socket);
    socket.on('error', () => undefined);
    socket.write(index % 2 ? 'GET /_ping HTTP/1.1\r\nHo' : chunked('5\r\n{'));
    return socket;
  });
  await until('an answer beside them', async () => (await daemon.call('GET', '/_ping')).status === 200, 2000);
  for (const socket of sockets) socket.destroy();
});

test('an archive whose layer is none is refused, however large it is, and so is one that breaks off', async () => {
  for (const megabytes of [1, 10, 40, 40]) {
    const archive = tarOf({ 'layer/file': Buffer.alloc(megabytes << 20, 'x') });
    const { text } = await daemon.call('POST', '/images/load', archive);
    expect(text).toContain('invalid tar header');
  }
});

test('what clients have left in the middle is closed and cleared away', async () => {
  const open = () => openFiles(daemon.process!.pid!).length;
  const sent = tarOf({ 'layer/file': Buffer.alloc(40 << 20, 'x') });
  const box = await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'none' } });
  const upload = (path: string) => {
    const headers = { 'content-type': 'application/x-tar', 'content-length': 2 * sent.length };
    const request = httpRequest({ socketPath: daemon.socket, method: 'POST', path, agent: false, headers });
    request.on('error', () => undefined);
    request.write(sent);
    return request;
  };
  const webSocket = () => {
    const socket = connect(daemon.socket);
    socket.on('error', () => undefined);
    const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13';
    socket.write(
      `GET /containers/${box}/attach/ws?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
    );
    return socket;
  };
  const begin = [
    () => upload('/images/load'),
    () => upload('/images/create?fromSrc=-&repo=cut'),
    () => upload('/build'),
    webSocket,
  ];
  const rounds = async (count: number) => {
    for (let round = 0; round < count; round++) {
      const begun = begin.map((one) => one());
      await sleep(100);
      for (const one of begun) one.destroy();
    }
    await sleep(300);
  };
  await rounds(1);
  const before = open();
  await rounds(4);
  await until('descriptors to be closed', () => open() <= before + 1, 5000);

  const context = tarOf({ Dockerfile: 'FROM bb\nRUN sleep 1000\n' });
  const built = httpRequest({
    ...{ socketPath: daemon.socket, method: 'POST', path: '/build?forcerm=1', agent: false },
    headers: { 'content-type': 'application/x-tar', 'content-length': context.length },
  });
  built.on('error', () => undefined);
  built.end(context);
  const containers = async () => (await daemon.call('GET', '/containers/json')).json as { Id: string }[];
  await until('the step to run', async () => (await containers()).some(({ Id }) => Id !== box));
  built.destroy();
  const contexts = () => readdirSync(join(daemon.data, 'build/work'));
  await until('the build to end', () => contexts().length === 0, 5000);
  expect((await daemon.call('GET', '/containers/json?all=1')).json).toHaveLength(1);
  await daemon.call('DELETE', `/containers/${box}?force=1`);
});

// The daemon's watchdog fails the suite when one of them holds the event loop.
test('a container of two thousand ports, and a commit of two thousand changes', async () => {
  const range = Array.from({ length: 2000 }, (_, index) => index + 1);
  const id = await daemon.box(['sleep', '1000'], {
    ExposedPorts: Object.fromEntries(range.map((port) => [`${port}/tcp`, {}])),
    HostConfig: { PublishAllPorts: true },
  });
  const { json } = await daemon.call('GET', `/containers/${id}/json`);
  expect(Object.keys(json.NetworkSettings.Ports)).toHaveLength(2000);
  const changes = range.map((name) => `changes=ENV%20A${name}%3D1`).join('&');
  expect((await daemon.call('POST', `/commit?container=${id}&repo=changed&${changes}`)).status).toBe(201);
  expect((await daemon.call('GET', '/images/changed/json')).json.Config.Env).toHaveLength(2001);
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});
