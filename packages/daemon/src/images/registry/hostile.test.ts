import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../config.ts';
import { DOCKER_LIST, DOCKER_MANIFEST } from './manifests.ts';
import { type Published, publish, serve, tarOf } from './testing/documents.ts';
import { TestImages } from './testing/images.ts';
import { TestServer } from './testing/servers.ts';

// Registries that break off, and registries that mean ill.

let room: TestImages;
const servers: TestServer[] = [];

beforeEach(async () => {
  room = await new TestImages(
    {},
    { limits: { headers: 1_000, idle: 1_000, document: 1_000, stallWindow: 400, stallBytes: 1024 } },
  ).open();
});
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
  room.dispose();
});

/** Serves an image, but for the layer, which `layer` serves. */
async function registryOf(
  image: Published,
  layer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<TestServer> {
  const server = await TestServer.start((request, response) => {
    if (request.url!.endsWith(image.layer.digest)) layer(response, request);
    else if (!serve(image, request, response)) response.writeHead(404).end();
  });
  servers.push(server);
  return server;
}

async function refused(server: TestServer, text: string | RegExp): Promise<void> {
  await expect(room.pull(`${server.host}/app:1`)).rejects.toThrow(text);
  expect(room.images.list()).toEqual([]);
  expect(room.left()).toEqual([]);
}

test('content of another digest', async () => {
  const image = await publish('good');
  const bad = Buffer.from(image.layer.data);
  bad[bad.length - 9]! ^= 1;
  const server = await registryOf(image, (response) => response.end(bad));
  await refused(server, `filesystem layer verification failed for digest ${image.layer.digest}`);
  expect(server.count(/blobs/)).toBe(2); // The configuration and the layer, once each.
});

test('content of another length: announced, cut short, or without end', async () => {
  const image = await publish('good');
  const { data, digest } = image.layer;
  await refused(
    await registryOf(image, (response) => response.writeHead(200, { 'content-length': '7' }).end('1234567')),
    `layer ${digest} should have ${data.length} bytes, the registry offers 7`,
  );
  await refused(
    await registryOf(image, (response) => {
      response.write(data.subarray(0, 20));
      response.end();
    }),
    /ended after 20 of \d+ bytes: unexpected EOF/,
  );
  await refused(
    await registryOf(image, (response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65536)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    }),
    `layer ${digest} is longer than the ${data.length} bytes it should have`,
  );
});

test('a layer that does not decompress, or to another tar than promised', async () => {
  const tar = await tarOf({ file: 'good' });
  const cut = await publish('good', { compressed: gzipSync(tar).subarray(0, -12) });
  await refused(await registryOf(cut, (response) => response.end(cut.layer.data)), /./);
  const other = await publish('good', { compressed: gzipSync(await tarOf({ file: 'evil' })) });
  await refused(await registryOf(other, (response) => response.end(other.layer.data)), /diffID|digest/i);
  const bomb = await publish('good', { compressed: gzipSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 }) });
  await refused(await registryOf(bomb, (response) => response.end(bomb.layer.data)), /./);
});

test('servers that never come to an end', async () => {
  const image = await publish('good');
  await refused(
    await registryOf(image, (response) => {
      const drip = setInterval(() => response.write('x'), 100);
      response.once('close', () => clearInterval(drip));
    }),
    `the download of ${image.layer.digest} stalled`,
  );
  const mute = await TestServer.start((request, response) => {
    if (request.url === '/v2/') response.end('{}');
  });
  servers.push(mute);
  await refused(mute, /timeout awaiting response headers/);
  const dripping = await TestServer.start((request, response) => {
    if (request.url === '/v2/') {
      response.end('{}');
      return;
    }
    response.writeHead(200, { 'content-type': DOCKER_MANIFEST });
    const drip = setInterval(() => response.write(' '), 100);
    response.once('close', () => clearInterval(drip));
  });
  servers.push(dripping);
  await refused(dripping, /took longer than 1 s/);
});

test('a redirect takes no credentials along', async () => {
  const image = await publish('good');
  const other = await TestServer.start((_request, response) => response.end(image.layer.data));
  servers.push(other);
  const server = await TestServer.start((request, response) => {
    if (request.headers.authorization === undefined)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else if (request.url!.endsWith(image.layer.digest))
      response.writeHead(307, { location: `http://${other.host}/elsewhere` }).end();
    else serve(image, request, response);
  });
  servers.push(server);
  await room.pull(`${server.host}/app:1`, { auth: { username: 'user', password: 'secret' } });
  expect(other.seen).toHaveLength(1);
  expect(other.seen[0]!.headers.authorization).toBeUndefined();
  expect(server.seen.at(-1)!.headers.authorization).toMatch(/^Basic /);
});

test.each<[string, object | string, string | RegExp]>([
  ['no JSON', 'x', 'the manifest is malformed: it is not JSON'],
  [
    'schema 1',
    { schemaVersion: 1 },
    /^\[DEPRECATION NOTICE\] Docker Image Format v1 and .* Suggest the author of/,
  ],
  [
    'two types at once',
    { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [], layers: [] },
    /was declared as/,
  ],
  [
    'a foreign layer',
    {
      schemaVersion: 2,
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: 2,
        digest: `sha256:${'0'.repeat(64)}`,
      },
      layers: [
        {
          mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
          size: 1,
          digest: `sha256:${'0'.repeat(64)}`,
          urls: ['http://127.0.0.1/x'],
        },
      ],
    },
    /is foreign/,
  ],
  [
    'a negative size',
    { schemaVersion: 2, config: { size: -1, digest: `sha256:${'0'.repeat(64)}` }, layers: [] },
    /no valid size/,
  ],
])('a manifest with %s', async (_what, manifest, text) => {
  const server = await TestServer.start((request, response) => {
    if (request.url === '/v2/') response.end('{}');
    else
      response
        .writeHead(200, { 'content-type': DOCKER_MANIFEST })
        .end(typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  });
  servers.push(server);
  await refused(server, text);
});

test('the fitting image of an index', async () => {
  const image = await publish('good');
  const entry = (architecture: string, digest: string, size: number) => ({
    mediaType: DOCKER_MANIFEST,
    digest,
    size,
    platform: { os: 'linux', architecture },
  });
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: DOCKER_LIST,
      manifests: [entry('s390x', image.digest, image.manifest.length)],
    }),
  );
  const server = await TestServer.start((request, response) => {
    if (request.url!.endsWith('/manifests/1'))
      response
        .writeHead(200, { 'content-type': DOCKER_LIST, 'docker-content-digest': digestOf(index) })
        .end(index);
    else serve(image, request, response);
  });
  servers.push(server);
  await refused(server, /^no matching manifest for linux\/\w+ in the manifest list entries$/);
  // The platform in the index counts, whatever the image's own configuration says.
  await room.pull(`${server.host}/app:1`, { platform: 'linux/s390x' });
  expect(room.images.resolve(`${server.host}/app@${digestOf(index)}`).repoTags).toEqual([
    `${server.host}/app:1`,
  ]);
});

test('a broken download goes on where it ended, also by a new daemon, and clients share it', async () => {
  const noise = Buffer.alloc(400_000, 'x').map((_value, index) => (index * 7919 * (index >> 3)) & 255);
  const image = await publish(Buffer.from(noise));
  const { data, digest } = image.layer;
  const half = data.length >> 1;
  let broken = true;
  const ranges: unknown[] = [];
  const server = await registryOf(image, (response, request) => {
    ranges.push(request.headers.range);
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start ? 206 : 200, {
      'content-length': data.length - start,
      ...(start ? { 'content-range': `bytes ${start}-${data.length - 1}/${data.length}` } : {}),
    });
    if (!broken) response.end(data.subarray(start));
    else response.write(data.subarray(start, half), () => setTimeout(() => response.destroy(), 50));
  });
  const name = `${server.host}/app:1`;
  await expect(room.pull(name)).rejects.toThrow(/EOF|reset|closed/);
  expect(ranges).toEqual([undefined, `bytes=${half}-`]);
  expect(room.images.list()).toEqual([]);
  await room.reopen();
  broken = false;
  await Promise.all([room.pull(name), room.pull(name), room.pull(name)]);
  expect(ranges.slice(2)).toEqual([`bytes=${half}-`]);
  expect(room.images.list()).toHaveLength(1);
  expect(room.left()).toEqual([image.layer.diffId.slice(7)]);
  expect(digest).toBe(digestOf(data));
});

test('a client that goes stops its download, and leaves the others theirs', async () => {
  const image = await publish('good');
  const waiting: ServerResponse[] = [];
  const server = await registryOf(image, (response) => {
    response.writeHead(200, { 'content-length': image.layer.data.length });
    response.write(image.layer.data.subarray(0, 10));
    waiting.push(response);
  });
  const name = `${server.host}/app:1`;
  const gone = new AbortController();
  const going = room.pull(name, { signal: gone.signal });
  going.catch(() => undefined);
  const staying = room.pull(name);
  while (waiting.length === 0 || server.count(/manifests/) < 2)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 50));
  gone.abort(new Error('the client went'));
  await expect(going).rejects.toThrow('the client went');
  waiting[0]!.end(image.layer.data.subarray(10));
  await staying;
  expect(server.count(/blobs/)).toBe(3); // Two configurations, one layer.

  const alone = new AbortController();
  await room.images.remove(name, { force: true, noprune: false });
  const last = room.pull(name, { signal: alone.signal });
  last.catch(() => undefined);
  while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  const closed = once(waiting[1]!, 'close');
  alone.abort(new Error('the client went'));
  await expect(last).rejects.toThrow('the client went');
  await closed;
  writeFileSync(join(room.folder, 'images/partial', 'not-ours'), '');
  await room.reopen();
  expect(room.left()).toEqual([image.layer.digest.slice(7)]);
});

test('a proxy is asked for what is not near', async () => {
  const image = await publish('by proxy');
  const proxy = await TestServer.start((request, response) => {
    request.url = new URL(request.url!).pathname;
    serve(image, request, response);
  });
  servers.push(proxy);
  const behind = await new TestImages({
    httpProxy: `http://${proxy.host}`,
    insecureRegistries: ['registry.invalid:5000'],
  }).open();
  try {
    await behind.pull('registry.invalid:5000/app:1');
    expect(proxy.seen[0]!.line).toBe('GET http://registry.invalid:5000/v2/');
  } finally {
    behind.dispose();
  }
});
