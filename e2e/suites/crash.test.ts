import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { TestRegistry } from '@berth/daemon/images/registry/testing.ts';
import { Chaos } from '../support/chaos.ts';
import { sleep, TestDaemon } from '../support/daemon.ts';
import { damagedLayers, leaks } from '../support/leaks.ts';

/** Kills of the daemon; a nightly run asks for more. */
const ROUNDS = Number(process.env['COUNT'] ?? 25);
const PARENT = `berth-crash-${process.pid}`;

let daemon: TestDaemon;
let registry: TestRegistry;
beforeAll(async () => {
  registry = await TestRegistry.start();
  daemon = await TestDaemon.start(['--cgroup-parent', PARENT]);
  for (const Name of ['net-a', 'net-b']) await daemon.call('POST', '/networks/create', { Name });
});
afterAll(async () => {
  await daemon?.dispose();
  registry?.stop();
  // The parent outlives its containers, as an administrator's would.
  for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
    const folder = join('/sys/fs/cgroup', hierarchy, PARENT);
    if (existsSync(folder)) rmdirSync(folder);
  }
});

/** What was acknowledged and is not there, or not as it was said to be. */
async function lost({ known }: Chaos): Promise<string[]> {
  const get = async (path: string) => (await daemon.call('GET', path)).json;
  const missing: string[] = [];
  const list = (await get('/containers/json?all=1')) as Array<{ Id: string; State: string }>;
  const states = new Map(list.map(({ Id, State }) => [Id, State]));
  for (const [id, state] of known.containers)
    if (state !== 'unsure' && states.get(id) !== state)
      missing.push(`container ${id} was ${state} and is ${states.get(id)}`);
  for (const [id, state] of states) {
    const inspected = await get(`/containers/${id}/json`);
    if (inspected?.State.Status !== state)
      missing.push(`container ${id}: ${state}, ${inspected?.State.Status}`);
  }
  const volumes = ((await get('/volumes')).Volumes ?? []) as Array<{ Name: string }>;
  for (const [name, state] of known.volumes)
    if (state === 'there' && !volumes.some(({ Name }) => Name === name)) missing.push(`volume ${name}`);
  const networks = (await get('/networks')) as Array<{ Id: string }>;
  for (const [id, state] of known.networks)
    if (state === 'there' && !networks.some(({ Id }) => Id === id)) missing.push(`network ${id}`);
  for (const [tag, id] of known.images) {
    const found = (await get(`/images/${tag}/json`))?.Id;
    if (found !== id) missing.push(`image ${tag} was ${id} and is ${found}`);
  }
  return missing;
}

async function removeAll(): Promise<void> {
  const list = (await daemon.call('GET', '/containers/json?all=1')).json as Array<{ Id: string }>;
  for (const { Id } of list)
    expect((await daemon.call('DELETE', `/containers/${Id}?force=1&v=1`)).status).toBe(204);
  await daemon.call('POST', '/networks/prune?filters={"until":["0s"]}');
  await daemon.call('POST', '/volumes/prune?filters={"all":["1"]}');
  await daemon.call('POST', '/build/prune?all=1');
  const images = (await daemon.call('GET', '/images/json')).json as Array<{ Id: string; RepoTags: string[] }>;
  for (const { Id, RepoTags } of images)
    if (!RepoTags?.includes('bb:latest')) await daemon.call('DELETE', `/images/${Id}?force=1`);
  for (const Name of ['net-a', 'net-b']) await daemon.call('POST', '/networks/create', { Name });
}

test(`killed at ${ROUNDS} random instants: nothing acknowledged is lost, nothing is left behind`, async () => {
  const problems: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const chaos = new Chaos(daemon, registry.host);
    const users = chaos.run(4);
    await sleep(20 + Math.random() * 500);
    await daemon.down('SIGKILL');
    chaos.stop();
    await users;
    await daemon.up();
    const found = [
      ...chaos.surprises,
      ...(await lost(chaos)).map((what) => `lost: ${what}`),
      ...(await leaks(daemon, PARENT)),
      ...damagedLayers(daemon).map((layer) => `damaged layer ${layer}`),
    ];
    await removeAll();
    found.push(...(await leaks(daemon, PARENT)).map((what) => `after all was removed: ${what}`));
    problems.push(...found.map((what) => `round ${round}: ${what}`));
  }
  expect(problems).toEqual([]);
}, 3_600_000);
