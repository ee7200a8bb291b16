import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TestDaemon, until } from '../support/daemon.ts';

/* Files and records that are missing, of another kind or damaged: a daemon starts on them and says what it found. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const state = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json?.State;
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1&v=1`);

test('a volume whose files are gone is one without files', async () => {
  await daemon.call('POST', '/volumes/create', { Name: 'hollow' });
  const folder = join(daemon.folder, 'data/volumes/hollow');
  const works = async () => {
    expect((await daemon.call('GET', '/system/df')).status).toBe(200);
    expect((await daemon.call('GET', '/volumes/hollow')).status).toBe(200);
    const id = await daemon.box(['touch', '/v/file'], { HostConfig: { Binds: ['hollow:/v'] } });
    await until('its end', async () => (await state(id)).Status === 'exited');
    expect((await state(id)).ExitCode).toBe(0);
    await remove(id);
  };
  rmSync(join(folder, '_data'), { recursive: true });
  await works();
  rmSync(folder, { recursive: true });
  await works();
  await daemon.down();
  rmSync(join(folder, '_data'), { recursive: true });
  await daemon.up();
  await works();
  expect((await daemon.call('DELETE', '/volumes/hollow')).status).toBe(204);
});

test('a daemon starts on files that are missing or of another kind, and lists what it has', async () => {
  const id = await daemon.box(['true']);
  const other = await daemon.box(['true']);
  for (const each of [id, other]) await until('its end', async () => (await state(each)).Status === 'exited');
  for (const Name of ['file', 'gone']) await daemon.call('POST', '/volumes/create', { Name });
  await daemon.down('SIGKILL');
  const data = (...parts: string[]) => join(daemon.folder, 'data', ...parts);
  const replace = (path: string, by: 'file' | 'folder' | 'nothing') => {
    rmSync(path, { recursive: true, force: true });
    if (by === 'file') writeFileSync(path, 'not what was here');
    if (by === 'folder') mkdirSync(path);
  };
  for (const name of ['layers/probe.json', 'layers/boot']) replace(data(name), 'folder');
  replace(data('containers', id), 'file');
  replace(data('layers/writable', id), 'file');
  replace(data('containers', other), 'nothing');
  replace(data('layers/writable', other), 'nothing');
  replace(data('volumes/file'), 'file');
  replace(data('volumes/gone'), 'nothing');
  replace(data('layers/init'), 'nothing');
  for (const name of ['layers/pool', 'pool', 'build/work', 'layers/trash']) replace(data(name), 'nothing');
  replace(join(daemon.folder, 'exec'), 'nothing');
  await daemon.up();
  for (const path of [
    '/containers/json?all=1&size=1',
    '/volumes',
    '/images/json',
    '/system/df',
    '/networks',
    '/info',
  ]) {
    const { status, text } = await daemon.call('GET', path);
    expect(status === 200 ? '' : `${path}: ${status} ${text}`).toBe('');
  }
  for (const each of [id, other]) expect((await state(each)).Status).toBe('exited');
  expect((await daemon.call('POST', `/containers/${other}/start`)).status).toBe(204);
  for (const each of [id, other]) expect((await remove(each)).status).toBe(204);
  for (const name of ['file', 'gone'])
    expect((await daemon.call('DELETE', `/volumes/${name}`)).status).toBe(204);
  for (const name of ['layers/probe.json', 'layers/boot'])
    rmSync(data(name), { recursive: true, force: true });
});

test('a daemon starts with records that are damaged, keeps what belongs to them, and takes them back', async () => {
  const made = await Promise.all(
    ['row', 'state', 'layer'].map(() => daemon.box(['sh', '-c', 'echo kept > /file'])),
  );
  const [row, lost, layer] = made as [string, string, string];
  for (const id of made) await until('its end', async () => (await state(id)).Status === 'exited');
  const image = (await daemon.call('POST', `/commit?container=${row}&repo=made`)).json.Id as string;
  await daemon.call('POST', '/networks/create', { Name: 'broken' });
  await daemon.call('POST', '/volumes/create', { Name: 'broken' });
  const network = (await daemon.call('GET', '/networks/broken')).json.Id as string;
  const rows: [string, string][] = [
    ['containers', row],
    ['container_states', lost],
    ['writable_layers', layer],
    ['images', image],
    ['networks', network],
    ['volumes', 'broken'],
  ];
  await daemon.down('SIGKILL');
  const database = (act: (db: DatabaseSync) => void) => {
    const db = new DatabaseSync(join(daemon.folder, 'data/berth.db'));
    act(db);
    db.close();
  };
  const good = new Map<string, string>();
  database((db) => {
    for (const [table, key] of rows) {
      const found = db.prepare(`SELECT value FROM "${table}" WHERE key = ?`).get(key) as { value: string };
      good.set(table, found.value);
      db.prepare(`UPDATE "${table}" SET value = '{"id":' WHERE key = ?`).run(key);
    }
  });
  for (let start = 0; start < 2; start++) {
    await daemon.up();
    const { json } = await daemon.call('GET', '/containers/json?all=1');
    const listed = (json as { Id: string }[]).map(({ Id }) => Id);
    expect(listed.filter((id) => made.includes(id))).toEqual([lost]);
    for (const path of ['/images/json', '/system/df', '/networks', '/volumes', '/info'])
      expect((await daemon.call('GET', path)).status).toBe(200);
    await daemon.down('SIGKILL');
  }
  expect(daemon.log).toContain('put aside in the table damaged_rows');
  for (const id of [row, layer]) {
    expect(existsSync(join(daemon.folder, 'data/containers', id))).toBe(true);
    expect(readFileSync(join(daemon.folder, 'data/layers/writable', id, 'upper/file'), 'utf8')).toBe(
      'kept\n',
    );
  }
  database((db) => {
    const back = db.prepare('UPDATE damaged_rows SET value = ? WHERE collection = ? AND value LIKE ?');
    for (const [table] of rows) back.run(good.get(table)!, table, '{"id":');
    for (const { collection } of db.prepare('SELECT DISTINCT collection FROM damaged_rows').all())
      db.exec(
        `INSERT OR REPLACE INTO "${collection}" SELECT key, value FROM damaged_rows WHERE collection = '${collection}'`,
      );
    db.exec('DELETE FROM damaged_rows');
  });
  await daemon.up();
  for (const id of made) {
    expect((await state(id)).Status).toBe('exited');
    const changes = await daemon.call('GET', `/containers/${id}/changes`);
    expect(changes.json).toContainEqual({ Path: '/file', Kind: 1 });
    expect((await remove(id)).status).toBe(204);
  }
  expect((await daemon.call('DELETE', '/images/made')).status).toBe(200);
  expect((await daemon.call('DELETE', '/networks/broken')).status).toBe(204);
  expect((await daemon.call('DELETE', '/volumes/broken')).status).toBe(204);
});
