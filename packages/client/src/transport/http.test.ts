import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { jsonTexts } from './body.ts';
import { type Answer, HttpConnection } from './http.ts';

/** A connection whose other end is the test. */
function connected(): { connection: HttpConnection; stream: Duplex; sent: () => string } {
  let sent = '';
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      sent += chunk.toString('latin1');
      done();
    },
  });
  return { connection: new HttpConnection(stream), stream, sent: () => sent };
}

const get = { method: 'GET', path: '/info', headers: { Host: 'd' } };

/** The answer that a server gives in these pieces; `close`: it closes then. */
async function answered(pieces: string[], options: { close?: boolean; method?: string } = {}) {
  const { connection, stream } = connected();
  let idle = 0;
  const answer = connection.exchange(
    { ...get, method: options.method ?? 'GET' },
    { onIdle: () => (idle += 1) },
  );
  answer.catch(() => undefined);
  for (const piece of pieces) {
    stream.push(Buffer.from(piece, 'latin1'));
    await turn();
  }
  if (options.close) stream.push(null);
  const { status, body } = await answer;
  return { status, text: await body.text(), idle, alive: connection.alive };
}

const ok = 'HTTP/1.1 200 OK\r\n';
const counted = `${ok}Content-Length: 5\r\n\r\nhello`;
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n`;

describe('an answer, however it is cut', () => {
  test.each([
    ['counted', [counted]],
    ['counted, byte by byte', [...counted]],
    ['chunked', [chunked]],
    ['chunked, byte by byte', [...chunked]],
    ['after one that is only on its way', [`HTTP/1.1 102 Processing\r\n\r\n${counted}`]],
  ])('%s', async (_what, pieces) => {
    expect(await answered(pieces)).toEqual({ status: 200, text: 'hello', idle: 1, alive: true });
  });

  test('up to the end of the connection, which is not used again', async () => {
    expect(await answered([`${ok}\r\nhello`], { close: true })).toMatchObject({
      text: 'hello',
      alive: false,
    });
    expect(await answered([`${ok}Connection: close\r\nContent-Length: 5\r\n\r\nhello`])).toMatchObject({
      text: 'hello',
      idle: 0,
      alive: false,
    });
  });

  test('without a body: to HEAD, with 204', async () => {
    expect(await answered([`${ok}Content-Length: 5\r\n\r\n`], { method: 'HEAD' })).toMatchObject({
      text: '',
    });
    expect(await answered(['HTTP/1.1 204 No Content\r\n\r\n'])).toMatchObject({ status: 204, idle: 1 });
  });
});

describe('a server that is none, or a hostile one', () => {
  test.each([
    ['another protocol', ['SSH-2.0-OpenSSH\r\n\r\n'], /malformed HTTP response "SSH-2.0-OpenSSH"/],
    ['an endless header', [`${ok}${'a'.repeat(300_000)}`], /endless header/],
    [
      'an endless size of a chunk',
      [`${ok}Transfer-Encoding: chunked\r\n\r\n${'1'.repeat(300_000)}`],
      /endless line/,
    ],
    [
      'a chunk without a size',
      [`${ok}Transfer-Encoding: chunked\r\n\r\n-1\r\n`],
      /malformed chunked encoding/,
    ],
    [
      'a chunk without an end',
      [`${ok}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(16)}\r\n`],
      /endless chunk/,
    ],
    [
      'a chunk that goes on',
      [`${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
      /longer than it says/,
    ],
    ['no length', [`${ok}Content-Length: five\r\n\r\nhello`], /a body of "five" bytes/],
    ['less than nothing', [`${ok}Content-Length: -1\r\n\r\nhello`], /a body of "-1" bytes/],
  ])('%s', async (_what, pieces, reason) => {
    await expect(answered(pieces)).rejects.toThrow(reason);
  });

  test.each([
    ['before the answer', [], /the daemon closed the connection: EOF/],
    ['in the body', [`${ok}Content-Length: 50\r\n\r\nhello`], /unexpected EOF/],
    ['in a chunk', [`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`], /unexpected EOF/],
  ])('one that closes %s', async (_what, pieces, reason) => {
    await expect(answered(pieces, { close: true })).rejects.toThrow(reason);
  });
});

test('a value of a header cannot begin another', async () => {
  const { connection, sent } = connected();
  void connection.exchange({ ...get, headers: { A: 'b\r\nX: y', List: ['1', '2'] } }).catch(() => undefined);
  expect(sent()).toBe('GET /info HTTP/1.1\r\nA: b  X: y\r\nList: 1\r\nList: 2\r\n\r\n');
  connection.destroy();
});

test('a connection that is taken over keeps the bytes that came early', async () => {
  const { connection, stream } = connected();
  const answer: Promise<Answer> = connection.exchange(get, { hijack: true });
  stream.push('HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nearly');
  const { socket } = await answer;
  expect(String(socket!.read())).toBe('early');
  expect(connection.alive).toBe(false);
});

test('values of JSON with and without line ends, cut in the middle of a character', async () => {
  const bytes = Buffer.from('{"a":1}\n{"b":"ü"}{"c":2}');
  const cut = bytes.indexOf(0xc3) + 1;
  const parts = async function* () {
    yield bytes.subarray(0, cut);
    yield bytes.subarray(cut, bytes.length - 7);
    yield bytes.subarray(bytes.length - 7);
  };
  const texts: string[] = [];
  for await (const text of jsonTexts(parts())) texts.push(text);
  expect(texts).toEqual(['{"a":1}', '{"b":"ü"}', '{"c":2}']);
});
