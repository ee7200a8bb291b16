import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { diskFull, fill } from '../faults/faults/disk.ts';
import { removeCgroupParent } from '../faults/run.ts';
import { type TestDaemon, until } from '../support/daemon.ts';

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
