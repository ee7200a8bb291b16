import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { diskFull, fill } from '../../faults/faults/disk.ts';
import { removeCgroupParent } from '../../faults/run.ts';
import { type TestDaemon, until } from '../../support/daemon.ts';
import { tarOf } from '../../support/tar.ts';

/* A data root without a free inode. */

const parent = `berth-full-${randomBytes(4).toString('hex')}`;
const mode = diskFull('inodes');
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await mode.open(parent);
});
afterAll(async () => {
  await daemon?.dispose();
  if (daemon) await mode.close!(daemon);
  removeCgroupParent(parent);
});

test('a container does not start with a root that the kernel made read-only for want of room', async () => {
  const created = await daemon.call('POST', '/containers/create', {
    Image: 'bb',
    Cmd: ['sh', '-c', 'echo text > /file'],
    HostConfig: { NetworkMode: 'none' },
  });
  const id = created.json.Id as string;
  const filler = join(dirname(daemon.data), 'filler');
  fill('inodes', filler, 0);
  const refused = await daemon.call('POST', `/containers/${id}/start`);
  rmSync(filler, { recursive: true });
  expect(refused).toMatchObject({ status: 500, text: expect.stringMatching(/no space left/i) });
  expect((await daemon.call('POST', `/containers/${id}/start`)).status).toBe(204);
  const state = async () => (await daemon.call('GET', `/containers/${id}/json`)).json.State;
  await until('its end', async () => (await state()).Status === 'exited');
  expect((await state()).ExitCode).toBe(0);
});

test('the first pull, on a full disk, is refused for want of room, and a later one is not', async () => {
  const pull = async () => (await daemon.call('POST', '/images/create?fromImage=127.0.0.1:1/x&tag=1')).text;
  const filler = join(dirname(daemon.data), 'filler');
  fill('inodes', filler, 0);
  const refused = await pull();
  rmSync(filler, { recursive: true });
  expect(refused).toMatch(/no space left/i);
  expect(await pull()).toMatch(/connection refused/);
});

test('with no room for a single record, containers stop, are killed and removed, and none starts', async () => {
  const box = (...Cmd: string[]) => daemon.box(Cmd, { HostConfig: { NetworkMode: 'none' } });
  const state = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json?.State;
  const [stopped, killed, removed, idle] = [
    await box('sleep', '1000'),
    await box('sleep', '1000'),
    await box('sleep', '1000'),
    await box('true'),
  ];
  await until('its end', async () => (await state(idle)).Status === 'exited');
  const layers = () => readdirSync(join(daemon.data, 'layers/layers'));
  const before = layers();
  const imported = tarOf({ file: randomBytes(1000) });
  await daemon.call('POST', '/images/create?fromSrc=-&repo=unneeded', imported);
  expect(layers()).toHaveLength(before.length + 1);
  const filler = join(dirname(daemon.data), 'filler');
  fill('bytes', filler, 0);
  // Until what is kept for such times is used up, too.
  let refused = '';
  for (let index = 0; index < 60 && !refused; index++) {
    const Labels = { text: 'x'.repeat(150_000) };
    const { status, text } = await daemon.call('POST', '/volumes/create', {
      Name: `filler-${index}`,
      Labels,
    });
    if (status !== 201) refused = text;
  }
  const answers = {
    volume: refused,
    start: await daemon.call('POST', `/containers/${idle}/start`),
    stop: await daemon.call('POST', `/containers/${stopped}/stop?t=0`),
    kill: await daemon.call('POST', `/containers/${killed}/kill`),
    remove: await daemon.call('DELETE', `/containers/${removed}?force=1`),
    image: await daemon.call('DELETE', '/images/unneeded'),
  };
  const states = { idle: await state(idle), stopped: await state(stopped), killed: await state(killed) };
  rmSync(filler, { recursive: true });
  expect(answers).toMatchObject({
    volume: expect.stringMatching(/full: make room on its file system/),
    start: { status: 500, text: expect.stringMatching(/(full|no space left).*: make room/i) },
    stop: { status: 204 },
    kill: { status: 204 },
    remove: { status: 204 },
    // A removal makes room: it is done, and recorded as soon as it can be.
    image: { status: 200 },
  });
  for (const { Status } of Object.values(states)) expect(Status).toBe('exited');
  const recorded = () => daemon.call('POST', '/volumes/create', { Name: 'room' });
  await until('room for records', async () => (await recorded()).status === 201);
  await until('the layer of the image to go, now that this is on record', () =>
    layers().every((layer) => before.includes(layer)),
  );
  await daemon.down('SIGKILL');
  await daemon.up();
  for (const id of [stopped, killed, idle]) expect((await state(id)).Status).toBe('exited');
  expect(await state(removed)).toBeUndefined();
  expect((await daemon.call('GET', '/images/unneeded/json')).status).toBe(404);
  expect((await daemon.call('POST', `/containers/${idle}/start`)).status).toBe(204);
});
