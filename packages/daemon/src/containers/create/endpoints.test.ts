import type { HostConfig } from '../model/types.ts';
import { givenEndpoints } from './endpoints.ts';

const host = { NetworkMode: 'bridge' } as HostConfig;

test('several networks are for clients of 1.44 and later', () => {
  const given = { b: {}, a: {} };
  expect(() => givenEndpoints(given, host, undefined, 43)).toThrow(
    'Container cannot be created with multiple network endpoints: a, b',
  );
  expect(Object.keys(givenEndpoints(given, host, undefined, 44).endpoints)).toEqual(['b', 'a']);
});

test('a container-wide MAC address is warned of, and must be that of the main network', () => {
  const given = { default: { MacAddress: '02:42:00:00:00:01' } };
  expect(givenEndpoints(given, host, '02:42:00:00:00:01', 45)).toEqual({
    endpoints: { bridge: given.default },
    warnings: [expect.stringContaining('MacAddress field is now deprecated')],
  });
  expect(givenEndpoints(given, host, '02:42:00:00:00:01', 43).warnings).toEqual([]);
  expect(() => givenEndpoints(given, host, '02:42:00:00:00:02', 45)).toThrow(
    'must match the endpoint-specific',
  );
});
