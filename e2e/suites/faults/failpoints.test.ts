import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { arm, failing, failingDaemon } from '../../faults/faults/failpoints.ts';
import { removeCgroupParent } from '../../faults/run.ts';
import { dist, sleep, type TestDaemon } from '../../support/daemon.ts';
import { leaks } from '../../support/leaks.ts';
import { until } from '../../support/wait.ts';

/* Calls that fail on demand, in the build that has them. */

const parent = `berth-failing-${randomBytes(4).toString('hex')}`;
const { EIO, EMFILE, ENOMEM, ENOSPC } = constants.errno;
let daemon: TestDaemon;
let file: string;

beforeAll(async () => {
  ({ daemon, file } = await failingDaemon(parent));
}, 120_000);
afterAll(async () => {
  await daemon?.dispose();
  if (daemon) await failing().close!(daemon);
  removeCgroupParent(parent);
});

const create = () =>
  daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['sleep', '1000'],
    HostConfig: { NetworkMode: 'none' },
  });

test('a call of the daemon fails as often as it is armed to, and so do calls of its native parts', async () => {
  arm(file, [{ name: 'sqlite.run', action: EIO, skip: 0, count: 20 }]);
  const refused = await create();
  expect(refused).toMatchObject({ status: 500, text: expect.stringContaining('failpoint: sqlite.run') });
  arm(file, []);
  const { status, json } = await create();
  expect(status).toBe(201);
  arm(file, [{ name: 'socket', action: EMFILE, skip: 0, count: 100 }]);
  const start = () => daemon.call('POST', `/containers/${json.Id}/start`);
  expect(await start()).toMatchObject({
    status: 500,
    text: expect.stringMatching(/too many open files/i),
  });
  arm(file, []);
  expect((await start()).status).toBe(204);
  expect((await daemon.call('DELETE', `/containers/${json.Id}?force=1`)).status).toBe(204);
});

test('a container whose SandboxKey cannot be made runs, and its end is seen', async () => {
  const { json } = await create();
  arm(file, [{ name: 'fs.symlink', action: ENOSPC, skip: 0, count: 2 }]);
  const started = await daemon.call('POST', `/containers/${json.Id}/start`);
  arm(file, []);
  expect(started.status).toBe(204);
  expect((await daemon.call('POST', `/containers/${json.Id}/kill`)).status).toBe(204);
  const { State } = (await daemon.call('GET', `/containers/${json.Id}/json`)).json;
  expect(State).toMatchObject({ Status: 'exited', ExitCode: 137 });
  expect((await daemon.call('DELETE', `/containers/${json.Id}`)).status).toBe(204);
});

test('an update that cannot be recorded changes neither the settings nor the limits', async () => {
  const id = await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'none', PidsLimit: 50 } });
  const state = async () => ({
    inspect: (await daemon.call('GET', `/containers/${id}/json`)).json,
    limit: daemon.docker(['exec', id, 'sh', '-c', 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max'])
      .stdout,
  });
  const before = await state();
  expect(before.limit).toBe('50\n');
  arm(file, [{ name: 'sqlite.run', action: EIO, skip: 0, count: 20 }]);
  const change = { PidsLimit: 60, Labels: { a: 'b' } };
  expect((await daemon.call('POST', `/containers/${id}/update`, change)).status).toBe(500);
  arm(file, []);
  expect(await state()).toEqual(before);
  expect((await daemon.call('POST', `/containers/${id}/update`, change)).status).toBe(200);
  expect((await state()).limit).toBe('60\n');
  expect((await daemon.call('DELETE', `/containers/${id}?force=1`)).status).toBe(204);
});

test('interfaces and addresses are given back where a file of the networks cannot be removed', async () => {
  const id = await daemon.box(['sleep', '1000']);
  arm(file, [{ name: 'fs.rm', action: EIO, skip: 0, count: 2 }]);
  expect((await daemon.call('POST', `/containers/${id}/kill`)).status).toBe(204);
  arm(file, []);
  expect((await daemon.call('DELETE', `/containers/${id}?force=1`)).status).toBe(204);
  expect(await leaks(daemon, parent)).toEqual([]);
});

test('a cgroup that could not be removed after a start that failed goes with the container', async () => {
  const { json } = await create();
  const cgroup = join(
    '/sys/fs/cgroup',
    existsSync('/sys/fs/cgroup/systemd') ? 'systemd' : '',
    parent,
    json.Id,
  );
  arm(file, [
    { name: 'open64', action: EMFILE, skip: 11, count: 100 },
    { name: 'fs.rmdir', action: EIO, skip: 0, count: 100 },
  ]);
  expect((await daemon.call('POST', `/containers/${json.Id}/start`)).status).toBe(500);
  await sleep(200); // it is removed behind the answer
  arm(file, []);
  expect(existsSync(cgroup)).toBe(true);
  expect((await daemon.call('DELETE', `/containers/${json.Id}`)).status).toBe(204);
  expect(existsSync(cgroup)).toBe(false);
});

test('an exec that nobody can have the output of says that it failed', async () => {
  for (let skip = 0; skip < 8; skip++) {
    const id = await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'none' } });
    const exec = await daemon.call('POST', `/containers/${id}/exec`, {
      AttachStdout: true,
      Cmd: ['echo', 'said'],
    });
    arm(file, [{ name: 'epoll_ctl', action: ENOMEM, skip, count: 1 }]);
    const { text } = await daemon.call('POST', `/exec/${exec.json.Id}/start`, {});
    arm(file, []);
    // An answer of one kind or the other; it was empty.
    expect({ skip, text }).toEqual({ skip, text: expect.stringMatching(/said|exec failed/) });
    expect((await daemon.call('DELETE', `/containers/${id}?force=1`)).status).toBe(204);
  }
}, 30_000);

test('starts and execs are answered where a message finds no memory', async () => {
  for (let skip = 0; skip < 12; skip++) {
    const { json } = await create();
    arm(file, [{ name: 'send', action: ENOMEM, skip, count: 3 }]);
    const started = await daemon.call('POST', `/containers/${json.Id}/start`);
    const exec = await daemon.call('POST', `/containers/${json.Id}/exec`, {
      AttachStdout: true,
      Cmd: ['true'],
    });
    const ran = await daemon.call('POST', `/exec/${exec.json.Id}/start`, {});
    arm(file, []);
    expect({ skip, started: started.status, ran: ran.status }).toEqual({ skip, started: 204, ran: 200 });
    expect((await daemon.call('DELETE', `/containers/${json.Id}?force=1`)).status).toBe(204);
  }
}, 60_000);

test('a kill that has to take another way has its event all the same', async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  for (let skip = 0; skip < 3; skip++) {
    const id = await daemon.box(['sleep', '1000'], { HostConfig: { NetworkMode: 'none' } });
    arm(file, [{ name: 'syscall', action: ENOMEM, skip, count: 1 }]);
    expect((await daemon.call('POST', `/containers/${id}/kill`)).status).toBe(204);
    arm(file, []);
    const filters = encodeURIComponent(JSON.stringify({ container: [id], event: ['kill'] }));
    const end = Math.floor(Date.now() / 1000) + 1;
    const { text } = await daemon.call('GET', `/events?since=${since}&until=${end}&filters=${filters}`);
    expect({ skip, kills: text.match(/"Action":"kill"/g)?.length }).toEqual({ skip, kills: 1 });
    expect((await daemon.call('DELETE', `/containers/${id}`)).status).toBe(204);
  }
}, 60_000);

test('a container that goes by itself goes once its files can be removed', async () => {
  const HostConfig = { NetworkMode: 'none', AutoRemove: true };
  const id = await daemon.box(['sleep', '1000'], { HostConfig });
  arm(
    file,
    ['fs.rename', 'fs.rm'].map((name) => ({ name, action: EIO, skip: 0, count: 100 })),
  );
  const status = async () => (await daemon.call('GET', `/containers/${id}/json`)).json.State?.Status;
  expect((await daemon.call('POST', `/containers/${id}/kill`)).status).toBe(204);
  await until('its removal to fail', async () => (await status()) === 'dead');
  arm(file, []);
  await until('its removal', async () => (await status()) === undefined, 5000);
  expect(await leaks(daemon, parent)).toEqual([]);
});

test('a build ends in one way or the other where a file cannot be opened', () => {
  for (let skip = 0; skip < 10; skip++) {
    arm(file, [{ name: 'fs.open', action: EMFILE, skip, count: 2 }]);
    const began = Date.now();
    // Another command each time: nothing is in the cache.
    daemon.berth(['build', '-q', '-'], { input: `FROM bb\nRUN : ${skip}\n`, timeout: 20_000 });
    arm(file, []);
    expect({ skip, slow: Date.now() - began > 5000 }).toEqual({ skip, slow: false });
  }
}, 60_000);

test('what is shipped has none', () => {
  const lib = join(dist, 'lib');
  const programs = readdirSync(lib).filter((name) => /^berthd.*\.mjs$|^berth-native$/.test(name));
  expect(programs.length).toBeGreaterThan(1);
  for (const name of programs) expect(readFileSync(join(lib, name)).includes('BERTH_FAILPOINTS')).toBe(false);
});
