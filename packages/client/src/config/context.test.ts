import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Context, ContextStore, checkContextName } from './context.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-contexts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const context = (Name: string, Host: string, SkipTLSVerify = false): Context => ({
  Name,
  Metadata: { Description: 'far away' },
  Endpoints: { docker: { Host, SkipTLSVerify } },
});

test("contexts lie where Docker's client looks for them", () => {
  const store = new ContextStore(folder);
  store.create(context('foo', 'tcp://192.0.2.1:2376'), { docker: { 'ca.pem': Buffer.from('CA') } });
  const id = '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae';
  expect(JSON.parse(readFileSync(join(folder, 'contexts/meta', id, 'meta.json'), 'utf8'))).toEqual(
    context('foo', 'tcp://192.0.2.1:2376'),
  );
  const key = join(folder, 'contexts/tls', id, 'docker/ca.pem');
  expect([readFileSync(key, 'utf8'), statSync(key).mode & 0o777]).toEqual(['CA', 0o600]);
  expect(store.endpoint('foo')).toMatchObject({
    scheme: 'tcp',
    address: '192.0.2.1',
    port: 2376,
    tls: { verify: true, ca: Buffer.from('CA') },
  });
});

test('made, changed, chosen and forgotten', () => {
  const store = new ContextStore(folder);
  store.create(context('a.1', 'unix:///a'));
  expect(() => store.create(context('a.1', 'unix:///b'))).toThrow('context "a.1" already exists');
  store.update(context('a.1', 'unix:///b'), {});
  expect(store.endpoint('a.1').address).toBe('/b');
  store.use('a.1');
  expect(store.chosen()).toBe('a.1');
  store.use('default');
  expect(store.chosen()).toBe('default');
  expect(() => store.use('nope')).toThrow('context "nope": context not found');
  store.remove('a.1');
  expect(store.list()).toEqual([]);
  expect(() => store.remove('a.1')).toThrow('context "a.1" does not exist');
});

test("contexts of Docker's client are seen and left alone", () => {
  const other = join(folder, 'docker');
  new ContextStore(other).create(context('theirs', 'unix:///theirs'));
  const store = new ContextStore(join(folder, 'own'), other);
  expect(store.list().map(({ Name }) => Name)).toEqual(['theirs']);
  expect(store.endpoint('theirs').address).toBe('/theirs');
  expect(() => store.remove('theirs')).toThrow(/belongs to Docker's client/);
});

test.each([
  ['', 'context name cannot be empty'],
  ['default', '"default" is a reserved context name'],
  ['-x', 'context name "-x" is invalid'],
  ['a/b', 'context name "a/b" is invalid'],
  ['..', 'context name ".." is invalid'],
  ['x', 'context name "x" is invalid'],
])('%j is no name for a context', (name, reason) => {
  expect(() => checkContextName(name)).toThrow(reason);
});

test('files of a context stay in its folder', () => {
  const store = new ContextStore(folder);
  expect(() => store.create(context('evil', 'unix:///x'), { '..': { 'ca.pem': Buffer.from('') } })).toThrow(
    /invalid name/,
  );
  expect(() => store.create(context('evil', 'unix:///x'), { docker: { '../x': Buffer.from('') } })).toThrow(
    /invalid name/,
  );
});
