import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Document, describedOperations } from '@berth/api-spec';
import type { Services } from '../../services.ts';
import { createApp } from '../app.ts';
import { allRoutes } from './index.ts';

/** Services that nobody calls: routes are only registered here. */
const none = new Proxy({} as Services, { get: () => none });

test('every operation of the API document is served, and nothing else is', () => {
  const app = createApp('test');
  allRoutes(app, none);
  expect([...app.served()].sort()).toEqual([...describedOperations().keys()].sort());
});

test('a ping tells which builder the configuration prefers', async () => {
  const builder = async (features: Record<string, boolean>) => {
    const app = createApp('test');
    const rooms = { settings: { features } } as Services;
    allRoutes(app, new Proxy(rooms, { get: (known, name) => Reflect.get(known, name) ?? none }));
    const server = createServer(await app.ready()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { headers } = await fetch(`http://127.0.0.1:${port}/_ping`);
    server.closeAllConnections();
    server.close();
    return headers.get('builder-version');
  };
  expect(await builder({})).toBe('2');
  expect(await builder({ buildkit: true })).toBe('2');
  expect(await builder({ buildkit: false })).toBe('1');
});

test('an operation that is not described cannot be served', () => {
  expect(() => createApp('test').serve('Nothing' as never, () => undefined)).toThrow(
    'does not describe Nothing',
  );
});

test('the document is served with its prose, and the decoder has the same one without', async () => {
  const app = createApp('test');
  allRoutes(app, none);
  const server = createServer(await app.ready()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const served = (await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).json()) as Document;
  const page = await (await fetch(`http://127.0.0.1:${port}/docs`)).text();
  server.closeAllConnections();
  server.close();
  expect([...describedOperations(served).keys()]).toEqual([...describedOperations().keys()]);
  expect(served.paths['/containers/json']?.get?.summary).toBe('List containers, the newest first');
  expect(page).toContain('List containers, the newest first');
  expect(describedOperations().get('ContainerList')?.operation).not.toHaveProperty('summary');
});
