import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { tarOf } from '../support/tar.ts';

/*
 * A daemon that was killed between two steps, and what the next one makes of it. Where the instant matters, the state
 * that such a daemon leaves is written while none runs.
 */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon?.dispose());

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a record
type Row = Record<string, any>;

/** Changes a record of the daemon's database; it must not run. */
function record(table: string, key: string, change: (row: Row) => Row): void {
  const db = new DatabaseSync(join(daemon.folder, 'data/berth.db'));
  try {
    const { value } = db.prepare(`SELECT value FROM "${table}" WHERE key = ?`).get(key) as { value: string };
    const changed = JSON.stringify(change(JSON.parse(value) as Row));
    db.prepare(`UPDATE "${table}" SET value = ? WHERE key = ?`).run(changed, key);
  } finally {
    db.close();
  }
}

/** Freezes a process's cgroup behind the daemon's back, or thaws it. */
function freeze(pid: number, frozen: boolean): void {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const of = (mark: string) => groups.find((line) => line.includes(mark))?.split(mark)[1];
  const old = of(':freezer:');
  if (old) writeFileSync(join('/sys/fs/cgroup/freezer', old, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
  else writeFileSync(join('/sys/fs/cgroup', of('0::') ?? '', 'cgroup.freeze'), frozen ? '1' : '0');
}

const state = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json?.State;
const remove = (id: string) => daemon.call('DELETE', `/containers/${id}?force=1&v=1`);

async function runs(id: string): Promise<void> {
  const exec = await daemon.call('POST', `/containers/${id}/exec`, { Cmd: ['true'], AttachStdout: true });
  expect(exec.status).toBe(201);
  expect((await daemon.call('POST', `/exec/${exec.json.Id}/start`, {})).status).toBe(200);
  expect((await daemon.call('GET', `/exec/${exec.json.Id}/json`)).json.ExitCode).toBe(0);
}

test('a removal that was begun is ended, with its anonymous volumes or without, as it was asked for', async () => {
  const box = () => daemon.box(['true'], { Volumes: { '/data': {} } });
  const [away, kept] = [await box(), await box()];
  for (const id of [away, kept]) await until('its end', async () => (await state(id)).Status === 'exited');
  const volume = async (id: string) =>
    (await daemon.call('GET', `/containers/${id}/json`)).json.Mounts[0].Name;
  const volumes = { away: await volume(away), kept: await volume(kept) };
  await daemon.down('SIGKILL');
  for (const id of [away, kept]) record('container_states', id, (row) => ({ ...row, status: 'removing' }));
  record('containers', kept, (row) => ({ ...row, keepsVolumes: true }));
  await daemon.up();
  await until('the removals', async () => !(await state(away)) && !(await state(kept)));
  expect((await daemon.call('GET', `/volumes/${volumes.away}`)).status).toBe(404);
  expect((await daemon.call('GET', `/volumes/${volumes.kept}`)).status).toBe(200);
  expect(existsSync(join(daemon.folder, 'data/containers', away))).toBe(false);
  await daemon.call('DELETE', `/volumes/${volumes.kept}`);
});

/** Processes of this daemon's launchers and supervisors. */
const natives = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/exe`).includes('berth-native') && openLock(pid);
    } catch {
      return false; // it has ended
    }
  });
const openLock = (pid: string) =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === join(daemon.folder, 'exec/launcher.lock');
    } catch {
      return false; // closed meanwhile
    }
  });

/** The processes in a container's cgroup. */
const programsOf = (id: string) =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id);
    } catch {
      return false; // it has ended
    }
  });

test('a start that outlives its daemon is waited for, and is nobody’s process afterwards', async () => {
  const { json } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['sleep', '1000'],
    HostConfig: { NetworkMode: 'none' },
  });
  const folder = join(daemon.folder, 'exec/c', json.Id.slice(0, 32));
  mkdirSync(folder);
  // A supervisor locks its run folder before it listens: it stands there for as long as somebody else has the lock.
  const holder = spawn('flock', ['-o', folder, 'sh', '-c', 'echo; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  const start = daemon.call('POST', `/containers/${json.Id}/start`).catch(() => undefined);
  await until('a supervisor that is not there yet', () => natives().length === 2);
  await daemon.down('SIGKILL');
  await start;
  const later = daemon.up();
  await sleep(1000);
  holder.kill('SIGKILL');
  await later;
  await until('the launcher to be alone', () => natives().length === 1);
  const { Status, Pid } = await state(json.Id);
  const programs = programsOf(json.Id);
  expect({ Status, Pid, programs }).toEqual({ Status: 'created', Pid: 0, programs: [] });
  expect((await daemon.call('POST', `/containers/${json.Id}/start`)).status).toBe(204);
  await runs(json.Id);
  await remove(json.Id);
});

test('a start that was still on its way to a stopped launcher is not done for the next daemon', async () => {
  const id = await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'none' } });
  const { json } = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['sleep', '1000'],
    HostConfig: { NetworkMode: 'none' },
  });
  const launcher = Number(natives()[0]);
  process.kill(launcher, 'SIGSTOP');
  const start = daemon.call('POST', `/containers/${json.Id}/start`).catch(() => undefined);
  await sleep(300);
  await daemon.down('SIGKILL');
  await start;
  const later = daemon.up();
  await sleep(1000);
  process.kill(launcher, 'SIGCONT');
  await later;
  await until('the launcher to be alone', () => natives().length === 1);
  expect(programsOf(json.Id)).toEqual([]);
  expect((await state(json.Id)).Status).toBe('created');
  expect((await state(id)).Status).toBe('running');
  for (const one of [id, json.Id]) await remove(one);
});

test('the run folder of a start that was not come to is removed', async () => {
  const { json } = await daemon.call('POST', '/containers/create', { Image: 'bb', Cmd: ['true'] });
  await daemon.down('SIGKILL');
  const folder = join(daemon.folder, 'exec/c', json.Id.slice(0, 32));
  mkdirSync(folder);
  await daemon.up();
  expect(existsSync(folder)).toBe(false);
  await remove(json.Id);
});

test('what the kernel says of a frozen container holds', async () => {
  const box = () => daemon.box(['sleep', '300']);
  const ids = [await box(), await box(), await box(), await box()] as const;
  const [byCommit, recorded, byUser, thawed] = ids;
  const pids = await Promise.all(ids.map(async (id) => (await state(id)).Pid as number));
  await daemon.down('SIGKILL');
  for (const pid of pids.slice(0, 3)) freeze(pid, true);
  const change = (id: string, more: Row) => record('container_states', id, (row) => ({ ...row, ...more }));
  change(byCommit, { freezer: 'commit' });
  change(recorded, { freezer: 'commit', status: 'paused' });
  change(byUser, { freezer: 'user' });
  change(thawed, { freezer: 'user', status: 'paused' });
  await daemon.up();
  expect((await state(byUser)).Status).toBe('paused');
  expect((await daemon.call('POST', `/containers/${byUser}/unpause`)).status).toBe(204);
  for (const id of ids) {
    expect((await state(id)).Status).toBe('running');
    await runs(id);
    await remove(id);
  }
});

test('a build that is interrupted leaves no container', async () => {
  const context = tarOf({ Dockerfile: 'FROM bb\nRUN echo started; sleep 300\n' });
  const build = daemon.call('POST', '/build?rm=1', context).catch(() => undefined);
  await until('the step', async () => (await daemon.call('GET', '/containers/json')).json.length > 0);
  await daemon.down('SIGKILL');
  await build;
  await daemon.up();
  await until(
    'its removal',
    async () => (await daemon.call('GET', '/containers/json?all=1')).json.length === 0,
  );
});

test('a container that died, or lost its link, while no daemon ran keeps its networks', async () => {
  for (const Name of ['net-x', 'net-y']) await daemon.call('POST', '/networks/create', { Name });
  const host = { HostConfig: { NetworkMode: 'net-x' } };
  const dead = await daemon.box(['sleep', '300'], host);
  const cut = await daemon.box(['sleep', '300'], host);
  for (const Container of [dead, cut])
    expect((await daemon.call('POST', '/networks/net-y/connect', { Container })).status).toBe(200);
  const { Pid } = await state(dead);
  const cutPid = (await state(cut)).Pid;
  await daemon.down('SIGKILL');
  process.kill(Pid, 'SIGKILL');
  const inside = ['-t', String(cutPid), '-n', 'ip', 'link', 'delete', 'eth1'];
  expect(spawnSync('nsenter', inside).status).toBe(0);
  await sleep(200);
  await daemon.up();
  const networks = async (id: string) => {
    const { json } = await daemon.call('GET', `/containers/${id}/json`);
    return Object.keys(json.NetworkSettings.Networks).sort();
  };
  for (const id of [dead, cut]) expect(await networks(id)).toEqual(['net-x', 'net-y']);
  expect((await state(dead)).ExitCode).toBe(137);
  expect((await daemon.call('POST', `/containers/${cut}/stop?t=0`)).status).toBe(204);
  for (const id of [dead, cut]) {
    expect((await daemon.call('POST', `/containers/${id}/start`)).status).toBe(204);
    const { json } = await daemon.call('GET', `/containers/${id}/json`);
    for (const name of ['net-x', 'net-y'])
      expect(json.NetworkSettings.Networks[name].IPAddress).toMatch(/^\d/);
    await remove(id);
  }
  for (const name of ['net-x', 'net-y']) await daemon.call('DELETE', `/networks/${name}`);
});

test('an end that no daemon saw has its code and its time, and the restart policy goes by it', async () => {
  const before = Date.now();
  const plain = await daemon.box(['sh', '-c', 'sleep 0.5; exit 7']);
  const policy = { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } } };
  const again = await daemon.box(['sh', '-c', 'sleep 0.5; exit 7'], policy);
  await daemon.down('SIGKILL');
  await sleep(1500);
  const ended = Date.now();
  await daemon.up();
  const { Status, ExitCode, FinishedAt } = await state(plain);
  expect({ Status, ExitCode }).toEqual({ Status: 'exited', ExitCode: 7 });
  expect(Date.parse(FinishedAt)).toBeGreaterThan(before + 400);
  expect(Date.parse(FinishedAt)).toBeLessThan(ended - 200);
  await until('the restart', async () => {
    const { json } = await daemon.call('GET', `/containers/${again}/json`);
    return json.RestartCount === 1 && Date.parse(json.State.StartedAt) > ended;
  });
  for (const id of [plain, again]) await remove(id);
});

test('a container that goes by itself is still one while it is restarted', async () => {
  const command = ['sh', '-c', 'trap "sleep 1; exit 0" TERM; while :; do sleep 0.1; done'];
  const id = await daemon.box(command, { HostConfig: { AutoRemove: true } });
  const restarted = daemon.call('POST', `/containers/${id}/restart`);
  await sleep(400);
  expect((await daemon.call('GET', `/containers/${id}/json`)).json.HostConfig.AutoRemove).toBe(true);
  expect((await restarted).status).toBe(204);
  expect((await state(id)).Status).toBe('running');
  // Killed within the next one: what was asked for is done.
  const next = daemon.call('POST', `/containers/${id}/restart`).catch(() => undefined);
  await sleep(300);
  await daemon.down('SIGKILL');
  await next;
  await sleep(1500);
  await daemon.up();
  await until('the start', async () => (await state(id))?.Status === 'running');
  expect((await daemon.call('POST', `/containers/${id}/stop?t=0`)).status).toBe(204);
  await until('its removal', async () => !(await state(id)));
});

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

test('limits of a container that has ended, which nobody was told of yet, are recorded and no error', async () => {
  const id = await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'none' } });
  const { Pid } = await state(id);
  const supervisor = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${Pid}/status`, 'utf8'))?.[1]);
  process.kill(supervisor, 'SIGSTOP');
  try {
    process.kill(Pid, 'SIGKILL');
    spawnSync('sh', ['-c', `sleep 0.2; rmdir /sys/fs/cgroup/*/*/${id} /sys/fs/cgroup/*/${id} 2>/dev/null`]);
    const { status, text } = await daemon.call('POST', `/containers/${id}/update`, { CpuShares: 512 });
    expect(status === 200 ? '' : text).toBe('');
  } finally {
    process.kill(supervisor, 'SIGCONT');
  }
  await until('its end', async () => (await state(id)).Status === 'exited');
  expect((await daemon.call('GET', `/containers/${id}/json`)).json.HostConfig.CpuShares).toBe(512);
  await remove(id);
});
