import { compileGlob } from '../patterns/glob.ts';
import {
  familiarMatch,
  familiarName,
  familiarString,
  fullName,
  parseReference,
  parseRepositoryTag,
  withDefaultTag,
  withDigest,
  withTag,
} from './references.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['debian', 'docker.io/library/debian'],
  ['debian:13', 'docker.io/library/debian:13'],
  ['user/app', 'docker.io/user/app'],
  ['docker.io/debian', 'docker.io/library/debian'],
  ['index.docker.io/debian', 'docker.io/library/debian'],
  ['localhost/app', 'localhost/app'],
  ['localhost:5000/a/b:v1', 'localhost:5000/a/b:v1'],
  ['[::1]:5000/a', '[::1]:5000/a'],
  ['Bad/x', 'Bad/x'],
  [`debian@${digest}`, `docker.io/library/debian@${digest}`],
  [`debian:13@${digest}`, `docker.io/library/debian:13@${digest}`],
  ['a__b/c-d--e.f', 'docker.io/a__b/c-d--e.f'],
])('%s is %s', (text, full) => {
  expect(fullName(parseReference(text))).toBe(full);
});

test.each([
  ['Name', 'invalid reference format: repository name (library/Name) must be lowercase'],
  ['user/Name:v1', 'invalid reference format: repository name (user/Name) must be lowercase'],
  ['', 'invalid reference format'],
  ['a b', 'invalid reference format'],
  ['a/', 'invalid reference format'],
  ['-a', 'invalid reference format'],
  ['a___b', 'invalid reference format'],
  ['a:', 'invalid reference format'],
  [`a:${'t'.repeat(129)}`, 'invalid reference format'],
  ['a@sha256:ab', 'invalid reference format'],
  [`a@sha256:${'a'.repeat(40)}`, 'invalid checksum digest length'],
  [`a@md6:${'a'.repeat(40)}`, 'unsupported digest algorithm'],
  ['a'.repeat(256), 'repository name must not be more than 255 characters'],
  ['a'.repeat(64), `invalid repository name (${'a'.repeat(64)}), cannot specify 64-byte hexadecimal strings`],
])('%s is refused', (text, message) => {
  expect(() => parseReference(text)).toThrow(new Error(message));
});

test('familiar names', () => {
  expect(familiarName(parseReference('docker.io/library/debian'))).toBe('debian');
  expect(familiarName(parseReference('docker.io/user/app:1'))).toBe('user/app');
  expect(familiarString(parseReference('localhost:5000/app:1'))).toBe('localhost:5000/app:1');
  expect(familiarString(withDefaultTag(parseReference('debian')))).toBe('debian:latest');
  expect(familiarString(withDefaultTag(parseReference(`debian@${digest}`)))).toBe(`debian@${digest}`);
});

test('tags and digests are checked', () => {
  const name = parseReference('debian');
  expect(familiarString(withTag(name, 'v1'))).toBe('debian:v1');
  expect(() => withTag(name, ' v1')).toThrow('invalid tag format');
  expect(familiarString(withDigest(name, digest))).toBe(`debian@${digest}`);
  expect(() => withDigest(name, 'sha256:zz')).toThrow('invalid checksum digest format');
});

test('the name of a new image', () => {
  expect(parseRepositoryTag('')).toBeUndefined();
  expect(fullName(parseRepositoryTag('a', 'b')!)).toBe('docker.io/library/a:b');
  expect(fullName(parseRepositoryTag('a:c')!)).toBe('docker.io/library/a:c');
  expect(() => parseRepositoryTag(`a@${digest}`)).toThrow('cannot import digest reference');
  expect(() => parseRepositoryTag('sha256', 'c')).toThrow('ambiguous tag');
});

test.each([
  ['zz', 'zz:latest', true],
  ['z*', 'zz:latest', true],
  ['*/*', 'other/x:y', true],
  ['*/*', 'zz:latest', false],
  ['other/*:y', 'other/x:y', true],
  ['localhost:5000/*', 'localhost:5000/zz:latest', true],
  ['docker.io/library/zz', 'zz:latest', false],
  ['b[a-c]:l?test', 'bb:latest', true],
  ['b[^b]', 'bb:latest', false],
  ['*:v2', 'a:v2', true],
])('pattern %s and %s: %s', (pattern, name, matches) => {
  expect(familiarMatch(compileGlob(pattern), parseReference(name))).toBe(matches);
});
