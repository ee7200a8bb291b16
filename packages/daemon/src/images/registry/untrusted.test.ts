import { publish, serve } from './testing/documents.ts';
import { TestImages } from './testing/images.ts';
import { TestServer } from './testing/servers.ts';

// Registries, and hosts that they send to, that want more than they should get: credentials, memory.

let room: TestImages;
const servers: TestServer[] = [];

beforeEach(async () => {
  room = await new TestImages().open();
});
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
  room.dispose();
});

test('who a request is redirected to does not choose where credentials go', async () => {
  const image = await publish('good');
  const other: TestServer = await TestServer.start((request, response) => {
    if (request.url!.startsWith('/token')) response.end('{"token":"t"}');
    else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${other.host}/token"` }).end();
  });
  servers.push(other);
  const moved = { ping: false, layer: false };
  const server = await TestServer.start((request, response) => {
    if (request.url === '/v2/' ? moved.ping : moved.layer && request.url!.endsWith(image.layer.digest))
      response.writeHead(307, { location: `http://${other.host}/elsewhere` }).end();
    else if (request.headers.authorization === undefined)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else serve(image, request, response);
  });
  servers.push(server);
  const auth = { username: 'user', password: 'secret' };
  for (const place of ['ping', 'layer'] as const) {
    Object.assign(moved, { ping: false, layer: false, [place]: true });
    await room.pull(`${server.host}/app:1`, { auth }).catch(() => undefined);
    expect(other.count(/elsewhere/)).toBeGreaterThan(0);
    expect(other.count(/token/)).toBe(0);
    expect(other.seen.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  }
});

test('a list of tags without end is refused', async () => {
  const tags = Array.from({ length: 20_000 }, (_, index) => `${'t'.repeat(100)}${index}`);
  const link = '</v2/app/tags/list?n=1>; rel="next"';
  const server = await TestServer.start((request, response) => {
    if (request.url === '/v2/') response.end('{}');
    else if (!request.url!.includes('/tags/')) response.writeHead(404).end();
    else response.writeHead(200, { link }).end(JSON.stringify({ tags }));
  });
  servers.push(server);
  await expect(room.pull(`${server.host}/app`, { all: true })).rejects.toThrow(/more than \d+ tags/);
  expect(server.count(/tags/)).toBeLessThan(20);
});
