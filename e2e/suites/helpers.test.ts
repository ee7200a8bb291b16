import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon, until } from '../support/daemon.ts';
import { helpers, supervisors } from '../support/leaks.ts';

/* Processes of the engine that are killed while the daemon goes on. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon?.dispose());

const none = { HostConfig: { NetworkMode: 'none' } };
const runFolders = () => readdirSync(join(daemon.folder, 'exec/c'));
const state = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json.State.Status;
const supervisorOf = (id: string) =>
  supervisors(daemon).find(({ name }) => name === `berth:${id.slice(0, 9)}`)!;

test('a supervisor that is killed takes its container along and leaves nothing; it starts again', async () => {
  const id = await daemon.box(['sleep', '100'], none);
  process.kill(supervisorOf(id).pid, 'SIGKILL');
  await until('its end', async () => (await state(id)) === 'exited');
  await until('its run folder to go', () => runFolders().length === 0, 3000);
  expect((await daemon.call('POST', `/containers/${id}/start`)).status).toBe(204);
  expect(await state(id)).toBe('running');
  expect(runFolders()).toEqual([id.slice(0, 32)]);
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('a launcher that is killed when containers end leaves nothing of them', async () => {
  for (let round = 0; round < 6; round++) {
    const id = await daemon.box(['sleep', '100'], none);
    const launcher = helpers(daemon).find(({ args }) => args[1] === 'launcher')!;
    // Stopped, it passes neither the news of the end on nor the daemon's word that it has it.
    if (round % 2) process.kill(launcher.pid, 'SIGSTOP');
    const killed = daemon.call('POST', `/containers/${id}/kill`);
    if (round % 2) process.kill(supervisorOf(id).pid, 'SIGSTOP');
    process.kill(launcher.pid, 'SIGKILL');
    if (round % 2) process.kill(supervisorOf(id).pid, 'SIGCONT');
    await killed;
    if ((await state(id)) === 'running') await daemon.call('POST', `/containers/${id}/kill`);
    await until('its end', async () => (await state(id)) === 'exited');
    await until('its run folder to go', () => runFolders().length === 0, 3000);
    await daemon.call('DELETE', `/containers/${id}?force=1`);
  }
});
