import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OperationId } from './api.ts';
import { createApp } from './app.ts';

/** The query as a handler of the operation is given it. */
async function received(id: OperationId, method: string, path: string): Promise<Record<string, unknown>> {
  let query: Record<string, unknown> = {};
  const app = createApp('test');
  app.serve(id, (request) => {
    query = { ...request.query };
  });
  const server = createServer(await app.ready()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await (await fetch(`http://127.0.0.1:${port}${path}`, { method })).arrayBuffer();
  server.closeAllConnections();
  server.close();
  return query;
}

test.each([
  ['1', true],
  ['True', true],
  ['yes', true],
  ['False', false],
  ['no', false],
  ['none', false],
  ['0', false],
  ['', false],
])('a boolean of a query that is written %j is %p, as with dockerd', async (text, wanted) => {
  expect(await received('ImageBuild', 'POST', `/build?pull=${text}`)).toEqual({ pull: wanted });
  const copy = `/containers/x/archive?path=/&copyUIDGID=${text}&noOverwriteDirNonDir=${text}`;
  expect(await received('PutContainerArchive', 'PUT', copy)).toEqual({
    path: '/',
    copyUIDGID: wanted,
    noOverwriteDirNonDir: wanted,
  });
});

test('a parameter that may be repeated is a list even where it is given once', async () => {
  expect(await received('ImageBuild', 'POST', '/build?t=a&extrahosts=x:1')).toEqual({
    t: ['a'],
    extrahosts: ['x:1'],
  });
  expect(await received('ImageBuild', 'POST', '/build?t=a&t=b')).toEqual({ t: ['a', 'b'] });
});

test('a parameter counts for the versions that have it', async () => {
  const inspect = '/images/x/json?manifests=1&platform=p';
  expect(await received('ImageInspect', 'GET', inspect)).toEqual({ manifests: true, platform: 'p' });
  expect(await received('ImageInspect', 'GET', `/v1.48${inspect}`)).toEqual({ manifests: true });
  expect(await received('ImageInspect', 'GET', `/v1.47${inspect}`)).toEqual({});
  expect(await received('ImageList', 'GET', '/v1.40/images/json?filter=x')).toEqual({ filter: 'x' });
  expect(await received('ImageList', 'GET', '/v1.41/images/json?filter=x')).toEqual({});
  // Neither is a wrong value of one checked.
  expect(await received('BuildPrune', 'POST', '/v1.47/build/prune?max-used-space=x')).toEqual({});
});

test('the list of networks that an empty id stands for takes filters', async () => {
  expect(await received('NetworkInspect', 'GET', '/networks/?filters=%7B%7D')).toEqual({ filters: '{}' });
});
