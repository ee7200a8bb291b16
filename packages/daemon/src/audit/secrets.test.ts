import { secretIn, secretVariables } from './secrets.ts';

test('secrets are known by their form, and not shown', () => {
  expect(secretIn('AKIAIOSFODNN7EXAMPLE')).toBe('AWS access key');
  expect(secretIn('-----BEGIN OPENSSH PRIVATE KEY-----')).toBe('private key');
  expect(secretIn('postgres://u:secret1@db/x')).toBe('password in a URL');
  expect(secretIn('https://example.org/path')).toBeUndefined();
  expect(secretVariables(['A=1', 'TOKEN_TTL=3600', 'API_KEY=', 'USE_TOKEN=true', 'SECRET_PATH=/x'])).toEqual(
    [],
  );
  expect(secretVariables(['MY_TOKEN=abcdefgh'])).toEqual(['MY_TOKEN: 8 characters']);
});

test('a hostile text does not hold the search up', () => {
  const began = performance.now();
  secretIn(`eyJ${'a'.repeat(60_000)}.eyJ${'://'.repeat(20_000)}`);
  expect(performance.now() - began).toBeLessThan(200);
});
