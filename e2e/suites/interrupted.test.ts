import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, TestDaemon, until } from '../support/daemon.ts';
import { changeRecord, type Row } from '../support/records.ts';
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

const record = (table: string, key: string, change: (row: Row) => Row) =>
  changeRecord(daemon, table, key, change);

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
  // The one that runs is connected again at once.
  const { json } = await daemon.call('GET', `/containers/${cut}/json`);
  const { IPAddress } = json.NetworkSettings.Networks['net-y'];
  const shown = spawnSync('nsenter', ['-t', String(cutPid), '-n', 'ip', '-4', 'addr'], { encoding: 'utf8' });
  expect(shown.stdout).toContain(`inet ${IPAddress}/`);
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

test('after a boot a container waits for those that it shares namespaces with or is linked to', async () => {
  const policy = (hostConfig: object) => ({
    HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 }, ...hostConfig },
  });
  const ids: string[] = [];
  for (const n of [1, 2, 3]) {
    const first = await daemon.box(['sleep', '1000'], policy({}), `first${n}`);
    const second = await daemon.box(['sleep', '1000'], policy({ NetworkMode: `container:first${n}` }));
    const third = await daemon.box(['sleep', '1000'], policy({ PidMode: `container:${second}` }));
    ids.push(third, second, first, await daemon.box(['sleep', '1000'], policy({ Links: [`first${n}:it`] })));
  }
  const pids = await Promise.all(ids.map(async (id) => (await state(id)).Pid));
  await daemon.down('SIGKILL');
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await daemon.up();
  const all = () => Promise.all(ids.map(async (id) => (await state(id)).Status));
  await until('the restarts', async () => (await all()).every((status) => status !== 'restarting'));
  expect(await all()).toEqual(ids.map(() => 'running'));
  for (const id of ids) await remove(id);
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
