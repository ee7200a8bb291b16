import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEvents } from '../events/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { openSecrets, type Secrets } from './index.ts';

let root: string;
let store: Store;
let secrets: Secrets;

function open(): void {
  store = openStore(join(root, 'berth.db'));
  secrets = openSecrets({ dataRoot: root, execRoot: join(root, 'exec'), store, events: openEvents() });
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-secrets-'));
  open();
});
afterEach(async () => {
  await secrets.reconcile(new Set());
  store.close();
  rmSync(root, { recursive: true });
});

const data = (text: string) => Buffer.from(text).toString('base64');
const make = (Name: string, text = 'hush', Labels = {}) =>
  secrets.create('secret', { Name, Data: data(text), Labels });

test('a secret is encrypted at rest, never shown, and there after a restart', async () => {
  const { ID } = await make('db', 'correct horse', { a: 'b' });
  expect(ID).toMatch(/^[a-z0-9]{25}$/);
  expect(secrets.get('secret', 'db').Spec).toEqual({ Name: 'db', Labels: { a: 'b' } });
  expect(statSync(join(root, 'secrets.key')).mode & 0o777).toBe(0o600);
  store.close();
  for (const name of ['berth.db', 'berth.db-wal'])
    if (existsSync(join(root, name)))
      for (const text of ['correct horse', data('correct horse')])
        expect(readFileSync(join(root, name)).includes(text)).toBe(false);
  open();
  expect(secrets.get('secret', ID.slice(0, 9)).ID).toBe(ID);
  const [file] = await secrets.place('c1', secrets.references({ Secrets: [{ SecretName: 'db' }] }), [], {
    uids: [],
    gids: [],
  });
  expect(readFileSync(join(file!.source, 'db'), 'utf8')).toBe('correct horse');
});

test('a key that was lost or exchanged is told of, and nothing new is made with another', async () => {
  await make('db');
  rmSync(join(root, 'secrets.key'));
  store.close();
  open();
  const place = () =>
    secrets.place('c1', secrets.references({ Secrets: [{ SecretName: 'db' }] }), [], { uids: [], gids: [] });
  await expect(place()).rejects.toThrow(/restore .*secrets\.key from a backup/);
  await expect(make('more')).rejects.toThrow(/restore .*secrets\.key from a backup/);
  writeFileSync(join(root, 'secrets.key'), Buffer.alloc(32));
  await expect(place()).rejects.toThrow("can't be decrypted");
});

test.each([
  [{ Name: '', Data: data('x') }, 'invalid name ""'],
  [{ Name: '-a', Data: data('x') }, 'invalid name "-a"'],
  [{ Name: 'a'.repeat(65), Data: data('x') }, 'invalid name'],
  [{ Name: 'ok', Data: '' }, 'larger than 0'],
  [{ Name: 'ok', Data: 'not base64!' }, 'base64'],
  [{ Name: 'ok', Data: data('x'.repeat(500 * 1024 + 1)) }, 'at most 512000 bytes'],
])('%p is refused', async (spec, why) => {
  await expect(secrets.create('secret', spec)).rejects.toMatchObject({
    kind: 'invalid-parameter',
    message: expect.stringContaining(why),
  });
  expect(await secrets.list('secret', {})).toEqual([]);
});

test('a long name takes no longer to be refused than others', async () => {
  const began = process.cpuUsage();
  await expect(make(`${'a'.repeat(200_000)}!`)).rejects.toThrow('invalid name');
  expect(process.cpuUsage(began).user).toBeLessThan(50_000);
});

test('names, filters, labels and versions', async () => {
  const { ID } = await make('db', 'x', { tier: 'one' });
  const raced = await Promise.allSettled([make('web'), make('web')]);
  expect(raced.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await secrets.create('config', { Name: 'db', Data: data('plain') });
  expect(secrets.get('config', 'db').Spec.Data).toBe(data('plain'));
  const names = async (filters: Record<string, string[]>) =>
    (await secrets.list('secret', filters)).map(({ Spec }) => Spec.Name);
  expect((await names({})).sort()).toEqual(['db', 'web']);
  expect(await names({ label: ['tier=one'] })).toEqual(['db']);
  expect(await names({ id: [ID.slice(0, 5)] })).toContain('db');
  expect(await names({ name: ['w'] })).toEqual(['web']);
  expect(await names({ names: ['w'] })).toEqual([]);
  await expect(secrets.list('secret', { colour: ['red'] })).rejects.toThrow("invalid filter 'colour'");
  await secrets.update('secret', 'db', 1, { Name: 'db', Labels: { tier: 'two' } });
  expect(secrets.get('secret', ID)).toMatchObject({
    Version: { Index: 2 },
    Spec: { Labels: { tier: 'two' } },
  });
  await expect(secrets.update('secret', 'db', 1, {})).rejects.toThrow('out of sequence');
  await expect(secrets.update('secret', 'db', 2, { Data: data('y') })).rejects.toThrow(
    'only updates to Labels',
  );
  secrets.setUsers((kind, id) => (kind === 'secret' && id === ID ? ['web-1'] : []));
  await expect(secrets.remove('secret', 'db')).rejects.toMatchObject({
    kind: 'conflict',
    message: "secret 'db' is in use by the following container: web-1",
  });
  await secrets.remove('config', 'db');
  await expect(secrets.remove('config', 'db')).rejects.toMatchObject({ kind: 'not-found' });
});

test.each([
  [{ Secrets: [{}] }, 'HostConfig.Secrets[0]: SecretName or SecretID is needed'],
  [{ Secrets: [{ SecretName: 'nosuch' }] }, 'secret nosuch not found'],
  [{ Secrets: [{ SecretName: 'db', File: { Name: '../x' } }] }, 'is no path of a file'],
  [{ Secrets: [{ SecretName: 'db', File: { UID: 'root' } }] }, 'UID must be a number'],
  [{ Secrets: [{ SecretName: 'db', File: { Mode: 0o10000 } }] }, 'Mode must be from 0 to 07777'],
  [{ Secrets: [{ SecretName: 'db' }, { SecretName: 'db' }] }, 'there is another secret at /run/secrets/db'],
  [
    { Secrets: [{ SecretName: 'db' }, { SecretName: 'db', File: { Name: 'db/below' } }] },
    'there is another secret at /run/secrets/db',
  ],
  [{ Annotations: { 'dev.berth.secrets': 'db,colour=red' } }, 'invalid annotation dev.berth.secrets'],
])('the reference %p is refused', async (host, why) => {
  await make('db');
  expect(() => secrets.references(host)).toThrow(why);
});

test('files have their owners and rights, and are on a tmpfs only while there are any', async () => {
  await make('db');
  const references = secrets.references({
    Secrets: [{ SecretName: 'db', File: { Name: 'deep/db', UID: '5', GID: '6', Mode: 0o400 } }],
    Annotations: { 'dev.berth.secrets': 'db,target=/etc/db ; db' },
  });
  const maps = [{ containerID: 0, hostID: 100_000, size: 1000 }];
  const placed = await secrets.place('c1', references, [], { uids: maps, gids: maps });
  expect(placed.map(({ destination }) => destination)).toEqual(['/run/secrets', '/etc/db']);
  const { mode, uid, gid } = statSync(join(placed[0]!.source, 'deep/db'));
  expect([mode & 0o7777, uid, gid]).toEqual([0o400, 100_005, 100_006]);
  expect(statSync(placed[1]!.source)).toMatchObject({ uid: 100_000, gid: 100_000 });
  const mounted = () => readFileSync('/proc/self/mountinfo', 'utf8').includes(join(root, 'exec/secrets'));
  expect(mounted()).toBe(true);
  // Beside mounts of the user's own each file is one of its own.
  const single = await secrets.place('c2', references, ['/run/secrets/own'], { uids: [], gids: [] });
  expect(single.map(({ destination }) => destination).sort()).toEqual(
    ['/etc/db', '/run/secrets/db', '/run/secrets/deep/db'].sort(),
  );
  await secrets.release('c1');
  expect(mounted()).toBe(true);
  await secrets.reconcile(new Set());
  expect([mounted(), existsSync(join(root, 'exec/secrets'))]).toEqual([false, false]);
});
