import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriDaemon, type Message } from '../../support/cri.ts';
import { until } from '../../support/daemon.ts';
import { imageTar } from '../../support/images.ts';

/* Pods whose containers run under other programs (the distribution's runc and crun), beside those of the own runtime. */

const PROGRAMS: Record<string, string> = { debrunc: '/usr/sbin/runc', crun: '/usr/bin/crun' };
const OTHERS = Object.keys(PROGRAMS).filter((name) => existsSync(PROGRAMS[name]!));
const ALL = ['berth', ...OTHERS];

let cri: CriDaemon;
beforeAll(async () => {
  cri = await CriDaemon.start(...OTHERS.flatMap((name) => ['--add-runtime', `${name}=${PROGRAMS[name]}`]));
  const entries = [
    { name: 'etc/passwd', body: 'root:x:0:0:root:/root:/bin/sh\nmember:x:1000:1000::/:/bin/sh\n' },
    { name: 'etc/group', body: 'root:x:0:\nmember:x:1000:\nby-image:x:50000:member\n' },
  ];
  const loaded = await cri.daemon.call('POST', '/images/load', await imageTar('members', { entries }));
  expect(loaded.status).toBe(200);
});
afterAll(() => cri?.dispose());

const sleeper = { command: ['sleep', '1000'] };
const remove = (pod: { id: string }) => cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
const status = async (container_id: string): Promise<Message> =>
  (await cri.call('ContainerStatus', { container_id }))['status'];

test('handlers are told of with what they can', async () => {
  const { runtime_handlers } = await cri.call('Status');
  const named = Object.fromEntries(runtime_handlers.map(({ name, features }: Message) => [name, features]));
  for (const name of ['', 'berth'])
    expect(named[name]).toEqual({ recursive_read_only_mounts: true, user_namespaces: true });
  for (const name of OTHERS) expect(named[name]).toMatchObject({ user_namespaces: false });
});

test.each(OTHERS)('a pod under %s: namespaces, output, limits, mounts, ends', async (handler) => {
  const pod = await cri.pod(`whole-${handler}`, { hostname: 'whole-host' }, handler);
  const folder = join(cri.daemon.folder, `volume-${handler}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), 'content');
  const mounts = [{ container_path: '/volume', host_path: folder, readonly: true }];
  const linux = { resources: { memory_limit_in_bytes: 64 << 20 } };
  const first = await cri.container(pod, 'first', { ...sleeper, mounts, linux });
  const second = await cri.container(pod, 'second', {
    log_path: `second-${handler}.log`,
    command: ['sh', '-c', 'echo one; echo two >&2; trap "exit 3" TERM; while :; do sleep 0.1; done'],
  });
  const { status: shown } = await cri.call('PodSandboxStatus', { pod_sandbox_id: pod.id });
  expect(shown).toMatchObject({ runtime_handler: handler, state: 0 });
  const { json } = await cri.daemon.call('GET', `/containers/${first}/json`);
  expect(json.HostConfig.Runtime).toBe(handler);
  const bundle = join(cri.daemon.folder, 'exec/c', first.slice(0, 32));
  const state = spawnSync(PROGRAMS[handler]!, ['--root', join(bundle, 'state'), 'state', first], {
    encoding: 'utf8',
  });
  expect(JSON.parse(state.stdout)).toMatchObject({ status: 'running', pid: json.State.Pid });

  for (const kind of ['net', 'ipc', 'uts', 'pid'])
    expect(await cri.exec(first, 'readlink', `/proc/self/ns/${kind}`)).toBe(
      await cri.exec(second, 'readlink', `/proc/self/ns/${kind}`),
    );
  expect(await cri.exec(first, 'hostname')).toBe('whole-host');
  expect(await cri.exec(first, 'ip', '-4', 'addr', 'show', 'eth0')).toContain(shown.network.ip);
  await cri.exec(first, 'sh', '-c', 'echo shared > /dev/shm/file');
  expect(await cri.exec(second, 'cat', '/dev/shm/file')).toBe('shared');
  expect(await cri.exec(first, 'sh', '-c', 'cat /volume/file; echo x > /volume/file || echo kept')).toBe(
    'contentkept',
  );

  const { log_path } = await status(second);
  await until('two lines', () => readFileSync(log_path, 'utf8').split('\n').length === 3);
  expect(readFileSync(log_path, 'utf8')).toMatch(/ stdout F one$/m);
  await cri.call('UpdateContainerResources', {
    container_id: first,
    linux: { memory_limit_in_bytes: 128 << 20 },
  });
  const { stats } = await cri.call('ContainerStats', { container_id: first });
  expect(Number(stats.memory.available_bytes.value)).toBeGreaterThan(100 << 20);
  await cri.call('StopContainer', { container_id: second, timeout: 10 });
  expect(await status(second)).toMatchObject({ state: 2, exit_code: 3, reason: 'Error' });
  await cri.call('RemoveContainer', { container_id: second });

  await cri.daemon.down('SIGKILL');
  await cri.daemon.up();
  expect(await cri.exec(first, 'hostname')).toBe('whole-host');
  await remove(pod);
  expect(existsSync(bundle)).toBe(false);
  expect(readdirSync(join(cri.daemon.folder, 'exec/pods'))).toEqual([]);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(join(cri.daemon.folder, 'exec/pods'));
});

test.each(ALL)(
  "the image's groups of a user are added under %s, or are not, as the policy says",
  async (handler) => {
    const pod = await cri.pod(`groups-${handler}`, {}, handler);
    for (const [policy, groups] of [
      [0, '1000 60000 50000'],
      [1, '1000 60000'],
    ] as const) {
      const id = await cri.container(pod, `policy-${policy}`, {
        ...sleeper,
        image: { image: 'members:latest' },
        linux: {
          security_context: {
            run_as_user: { value: 1000 },
            supplemental_groups: [60_000],
            supplemental_groups_policy: policy,
          },
        },
      });
      const sorted = (text: string) =>
        text
          .trim()
          .split(/\s+/)
          .map(Number)
          .sort((a, b) => a - b);
      const { json } = await cri.daemon.call('GET', `/containers/${id}/json`);
      const [, held = ''] = /^Groups:(.*)$/m.exec(readFileSync(`/proc/${json.State.Pid}/status`, 'utf8'))!;
      expect(sorted(held)).toEqual(sorted(groups));
      expect(sorted(await cri.exec(id, 'id', '-G'))).toEqual(sorted(groups));
      const { linux } = (await status(id)).user;
      expect(sorted(linux.supplemental_groups.join(' '))).toEqual(sorted(groups));
    }
    await remove(pod);
  },
);

test.each(OTHERS)(
  'under %s a user namespace is refused, and a program that is not there fails the start alone',
  async (handler) => {
    const map = [{ container_id: 0, host_id: 200_000, length: 65_536 }];
    const userns_options = { mode: 0, uids: map, gids: map };
    const linux = { security_context: { namespace_options: { userns_options } } };
    await expect(cri.pod('mapped', { linux }, handler)).rejects.toMatchObject({
      code: 3,
      message: expect.stringContaining('runtime_handler'),
    });
    const pod = await cri.pod(`fails-${handler}`, {}, handler);
    await expect(cri.container(pod, 'none', { command: ['nosuch'] })).rejects.toThrow(/nosuch.*not found/s);
    const works = await cri.container(pod, 'works', sleeper);
    expect((await status(works)).state).toBe(1);
    await remove(pod);
  },
);
