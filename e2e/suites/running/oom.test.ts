import { existsSync, writeFileSync } from 'node:fs';
import { sleep, TestDaemon, until } from '../../support/daemon.ts';

/* Kills by the kernel for want of memory: events and states, once each, whichever daemon runs. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon?.dispose();
});

const limited = (command: string) =>
  daemon.box(['sh', '-c', command], {
    HostConfig: { NetworkMode: 'none', Memory: 16 << 20, MemorySwap: 16 << 20 },
  });
const state = async (id: string) => (await daemon.call('GET', `/containers/${id}/json`)).json.State;
/** The events of it that this run of the daemon has told. */
const told = async (id: string) => {
  const filters = encodeURIComponent(JSON.stringify({ container: [id], event: ['oom', 'die'] }));
  const { text } = await daemon.call('GET', `/events?until=${Date.now() / 1000}&filters=${filters}`);
  return [...text.matchAll(/"Action":"(\w+)"/g)].map(([, action]) => action);
};
const toldOf = (id: string, action: string) =>
  until(`${action} of ${id}`, async () => (await told(id)).includes(action));

test('a child that is killed is told of once while its container lives, also by the next daemon', async () => {
  const before = await limited('tail /dev/zero; sleep 60');
  const between = await limited(
    'until [ -e /go ]; do sleep 0.05; done; tail /dev/zero; touch /gone; sleep 60',
  );
  await toldOf(before, 'oom');
  expect(await told(before)).toEqual(['oom']);
  expect(await state(before)).toMatchObject({ Running: true, OOMKilled: true });
  const { Pid, OOMKilled } = await state(between);
  expect(OOMKilled).toBe(false);

  await daemon.down('SIGKILL');
  writeFileSync(`/proc/${Pid}/root/go`, '');
  await until('the kill', () => existsSync(`/proc/${Pid}/root/gone`));
  await daemon.up();
  await toldOf(between, 'oom');
  expect(await state(between)).toMatchObject({ Running: true, OOMKilled: true });
  expect(await state(before)).toMatchObject({ Running: true, OOMKilled: true });
  expect([await told(between), await told(before)]).toEqual([['oom'], []]);
  for (const id of [before, between]) await daemon.call('DELETE', `/containers/${id}?force=1`);
});

test('the first process that is killed is told of before its end, once', async () => {
  const id = await limited('exec tail /dev/zero');
  await toldOf(id, 'die');
  expect(await told(id)).toEqual(['oom', 'die']);
  expect(await state(id)).toMatchObject({ Running: false, ExitCode: 137, OOMKilled: true });
  await daemon.call('DELETE', `/containers/${id}`);
});

// Only the first version of cgroups can do without the killer.
const can = existsSync('/sys/fs/cgroup/memory/tasks') ? test : test.skip;
can('one that waits for memory instead of being killed is told of, and lives on', async () => {
  const host = { NetworkMode: 'none', Memory: 16 << 20, MemorySwap: 16 << 20, OomKillDisable: true };
  const id = await daemon.box(['tail', '/dev/zero'], { HostConfig: host });
  await toldOf(id, 'oom');
  expect(await state(id)).toMatchObject({ Running: true, OOMKilled: true });
  // With more memory it goes on, until that is used up, too: nobody looked at it in between.
  await sleep(1500);
  expect(await told(id)).toEqual(['oom']);
  await daemon.call('POST', `/containers/${id}/update`, { Memory: 32 << 20, MemorySwap: 32 << 20 });
  await until('the second wait', async () => (await told(id)).length > 1);
  await daemon.call('POST', `/containers/${id}/kill`);
  await toldOf(id, 'die');
  expect(new Set((await told(id)).slice(0, -1))).toEqual(new Set(['oom']));
  await daemon.call('DELETE', `/containers/${id}`);
});

test('a limit that came later is watched, too', async () => {
  const id = await daemon.box(['sleep', '60'], { HostConfig: { NetworkMode: 'none' } });
  await daemon.call('POST', `/containers/${id}/update`, { Memory: 16 << 20, MemorySwap: 16 << 20 });
  expect(daemon.docker(['exec', id, 'tail', '/dev/zero']).status).toBe(137);
  await toldOf(id, 'oom');
  await daemon.call('POST', `/containers/${id}/restart?t=0`);
  expect(await state(id)).toMatchObject({ Running: true, OOMKilled: false });
  await daemon.call('DELETE', `/containers/${id}?force=1`);
});
