import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Browser } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { Seen, startBrowser, UiProgram } from '../../support/page.ts';

let daemon: TestDaemon;
let program: UiProgram;
let browser: Browser;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  await daemon.box(['sleep', '1000'], {}, 'secret-name');
  [program, browser] = await Promise.all([UiProgram.start(daemon), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await program?.stop();
  await daemon?.dispose();
});

interface Reply {
  status: number;
  text: string;
  headers: Record<string, string | string[] | undefined>;
}

/** A request to `berth ui` with headers that no browser lets a page set. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(`${program.origin}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode!, text, headers: response.headers }));
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode!, text: '', headers: response.headers });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Redeems a token as the first page does. */
async function redeem(address: string): Promise<{ cookie: string; key: string; headers: Reply['headers'] }> {
  const { text, headers } = await ask(new URL(address).search ? `/${new URL(address).search}` : '/');
  const cookie = String(headers['set-cookie']).split(';')[0]!;
  return { cookie, key: /content="([^"]+)"/.exec(text)![1]!, headers };
}

test('the page is opened by its token once, and by nothing else', async () => {
  expect((await ask('/')).status).toBe(401);
  expect((await ask('/?token=wrong')).status).toBe(401);
  expect((await ask('/api/containers/json')).status).toBe(401);
  expect((await ask('//')).status).toBe(400);
  const seen = await Seen.open(browser, program);
  await seen.page.getByRole('link', { name: 'secret-name' }).waitFor();
  expect(seen.page.url()).not.toContain('token');
  // A second browser has neither cookie nor a token that is good.
  const other = await browser.newContext();
  const page = await other.newPage();
  const answer = await page.goto(program.address);
  expect(answer!.status()).toBe(401);
  expect(await page.content()).not.toContain('secret-name');
  await other.close();
  await seen.page.reload();
  await seen.page.getByRole('link', { name: 'secret-name' }).waitFor();
  expect(seen.strangers).toEqual([]);
  expect(seen.errors).toEqual([]);
  const [cookie] = await seen.context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  await seen.close();
});

test('a page elsewhere gets nothing: by another name, origin or site, or with the cookie alone', async () => {
  const other = await UiProgram.start(daemon);
  const first = program;
  program = other;
  try {
    const { cookie, key, headers } = await redeem(other.address);
    expect(String(headers['set-cookie'])).toMatch(/; HttpOnly; SameSite=Strict$/);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const session = { Cookie: cookie, 'X-Berth-Key': key };
    const list = '/api/containers/json';
    const { origin } = other;
    expect((await ask(list, session)).text).toContain('secret-name');
    expect((await ask(list, { Cookie: cookie })).status).toBe(401);
    expect((await ask(list, { 'X-Berth-Key': key })).status).toBe(401);
    expect((await ask(list, { ...session, Host: 'evil.example' })).status).toBe(403);
    expect((await ask('/', { ...session, Host: 'evil.example:80' })).status).toBe(403);
    expect((await ask(list, { ...session, Origin: 'http://evil.example' })).status).toBe(403);
    expect((await ask(list, { ...session, 'Sec-Fetch-Site': 'same-site' })).status).toBe(403);
    const prune = '/api/networks/prune';
    expect((await ask(prune, session, 'POST')).status).toBe(403);
    expect((await ask(prune, { ...session, Origin: 'null' }, 'POST')).status).toBe(403);
    expect((await ask(prune, { ...session, Origin: origin }, 'POST')).status).toBe(200);
    const upgrade = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      Cookie: cookie,
    };
    const offered = { 'Sec-WebSocket-Protocol': `berth, ${key}` };
    expect((await ask('/live', { ...upgrade, ...offered })).status).toBe(403);
    expect((await ask('/live', { ...upgrade, ...offered, Origin: 'http://evil.example' })).status).toBe(403);
    expect((await ask('/live', { ...upgrade, Origin: origin })).status).toBe(401);
    expect((await ask('/live', { ...upgrade, ...offered, Origin: origin })).status).toBe(101);
    // Files are names, not paths.
    expect((await ask('/../berth-main.cjs', session)).status).toBe(404);
    expect((await ask('/..%2fberth-main.cjs', session)).status).toBe(404);
  } finally {
    program = first;
    expect(await other.stop()).toBe(0);
  }
});

test('it listens on loopback alone, and nobody who connects ends it', async () => {
  const port = Number(new URL(program.origin).port);
  const code = (host: string) =>
    new Promise<string | undefined>((resolve) => {
      const socket = connect({ host, port }, () => {
        socket.destroy();
        resolve('connected');
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
  expect(await code('127.0.0.1')).toBe('connected');
  const others = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
  );
  for (const { address } of others) expect([address, await code(address)]).toEqual([address, 'ECONNREFUSED']);
  // Requests that are refused and gone before the answer, that are no HTTP, and that never end.
  const upgrade =
    'GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://evil\r\n\r\n';
  const texts = [
    upgrade,
    'GET http://[ HTTP/1.1\r\nHost: \u00e9\r\n\r\n',
    '\u0000\u0001',
    'CONNECT a:1 HTTP/1.1\r\n\r\n',
  ];
  const sent = texts.flatMap((text) => Array.from({ length: 25 }, () => text));
  await Promise.all(
    sent.map(
      (text) =>
        new Promise<void>((resolve) => {
          const socket = connect({ host: '127.0.0.1', port }, () => {
            socket.write(text);
            setImmediate(() => socket.resetAndDestroy());
          });
          socket.on('error', () => undefined);
          socket.on('close', () => resolve());
        }),
    ),
  );
  expect((await ask('/')).status).toBe(401);
});

test('Ctrl-C ends it at once, whatever the page has open', async () => {
  const other = await UiProgram.start(daemon);
  const seen = await Seen.open(browser, other);
  await seen.page.getByRole('link', { name: 'secret-name' }).click();
  await seen.page.getByRole('link', { name: 'Logs', exact: true }).click();
  const began = Date.now();
  expect(await other.stop('SIGINT')).toBe(0);
  expect(Date.now() - began).toBeLessThan(2000);
  await seen.page.getByRole('alert').getByText('the connection to `berth ui` broke').waitFor();
  await seen.close();
});
