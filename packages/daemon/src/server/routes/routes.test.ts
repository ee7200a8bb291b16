import { describedOperations } from '@berth/api-spec';
import type { Rooms } from '../../rooms.ts';
import { createApp } from '../app.ts';
import { allRoutes } from './index.ts';

/** Rooms that nobody calls: routes are only registered here. */
const none = new Proxy({} as Rooms, { get: () => none });

test('every operation of the API document is served, and nothing else is', () => {
  const app = createApp('test');
  allRoutes(app, none);
  expect([...app.served()].sort()).toEqual([...describedOperations().keys()].sort());
});

test('an operation that is not described cannot be served', () => {
  expect(() => createApp('test').serve('Nothing', () => undefined)).toThrow('does not describe Nothing');
});
