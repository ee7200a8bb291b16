import { connect } from 'node:net';
import { TestDaemon, until } from '../support/daemon.ts';

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
  const stubborn = (method: string, path: string, type: string, encoding: string): Promise<string> =>
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
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${head}\r\n\r\n`, next);
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
      for (const encoding of ['chunked', 'length']) {
        const line = await stubborn(method, path, type, encoding);
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
