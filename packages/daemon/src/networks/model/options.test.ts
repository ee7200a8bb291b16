import { networkFromBody, withDefaults } from './options.ts';

test("a network takes the daemon's default options of its driver, and its own first", () => {
  const ENABLE6 = 'com.docker.network.enable_ipv6';
  const defaults = { bridge: { mtu: '1234', [ENABLE6]: 'true' } };
  expect(withDefaults({ Options: { a: 'b' } }, defaults)).toEqual({
    EnableIPv6: true,
    Options: { mtu: '1234', [ENABLE6]: 'true', a: 'b' },
  });
  const own = { EnableIPv6: false, Options: { mtu: '1400' } };
  expect(withDefaults(own, defaults)).toEqual(own);
  for (const body of [{ Driver: 'macvlan' }, { ConfigFrom: { Network: 'c' } }])
    expect(withDefaults(body, defaults)).toEqual({ ...body, Options: {} });
  expect(() => withDefaults({ Options: { [ENABLE6]: 'x' } }, {})).toThrow(
    `driver-opt "${ENABLE6}" is not a valid bool`,
  );
});

test('a scope is shown as it was given; none may be given with a configuration network', () => {
  const made = (body: object) =>
    networkFromBody(
      { Name: 'n', ...body },
      () => undefined,
      () => false,
    );
  expect(made({ Scope: 'global' }).scope).toBe('global');
  expect(made({ Scope: 'local' }).scope).toBeUndefined();
  expect(() => made({ Scope: 'swarm' })).toThrow('swarm is not active');
  expect(() => made({ Scope: 'local', ConfigOnly: true })).toThrow('scope');
});
