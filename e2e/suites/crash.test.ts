import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

/** Creates, starts and removes until the daemon is gone; what was acknowledged and not removed. */
async function churn(known: Map<string, string>, stop: { now: boolean }, worker: number): Promise<void> {
  for (let turn = 0; !stop.now; turn++) {
    try {
      const name = `c${worker}-${Date.now()}-${turn}`;
      const created = await daemon.call('POST', `/containers/create?name=${name}`, {
        Image: 'bb',
        Cmd: ['sleep', '300'],
        HostConfig: { NetworkMode: turn % 2 ? 'none' : 'bridge' },
      });
      if (created.status !== 201) continue;
      const id = created.json.Id as string;
      known.set(id, 'created');
      const started = await daemon.call('POST', `/containers/${id}/start`);
      if (started.status === 204) known.set(id, 'running');
      if (turn % 3 === 0) continue;
      known.set(id, 'removing');
      const removed = await daemon.call('DELETE', `/containers/${id}?force=1`);
      if (removed.status === 204) known.delete(id);
    } catch {
      return;
    }
  }
}

test('killed at 50 random instants: no acknowledged container is lost, nothing unknown is left', async () => {
  for (let round = 0; round < 50; round++) {
    const known = new Map<string, string>();
    const stop = { now: false };
    const workers = [1, 2, 3].map((worker) => churn(known, stop, worker));
    await sleep(20 + Math.random() * 150);
    await daemon.down('SIGKILL');
    stop.now = true;
    await Promise.all(workers);
    await daemon.up();
    const list = (await daemon.call('GET', '/containers/json?all=1')).json as Array<{
      Id: string;
      State: string;
    }>;
    const states = new Map(list.map(({ Id, State }) => [Id, State]));
    for (const [id, state] of known) {
      if (state === 'removing') continue;
      expect({ id, known: states.has(id) }).toEqual({ id, known: true });
      if (state === 'running') expect({ id, state: states.get(id) }).toEqual({ id, state: 'running' });
    }
    // Folders and cgroups stand for containers that are known.
    for (const folder of readdirSync(join(daemon.folder, 'data', 'containers')))
      expect(states.has(folder)).toBe(true);
    for (const { Id } of list)
      expect((await daemon.call('DELETE', `/containers/${Id}?force=1`)).status).toBe(204);
    const runs = join(daemon.folder, 'exec', 'containers');
    if (existsSync(runs)) expect(readdirSync(runs)).toEqual([]);
  }
}, 300_000);
