import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriDaemon, type Message } from '../../support/cri.ts';
import { until } from '../../support/daemon.ts';

/* Pods and their containers, as a kubelet makes and watches them. */

let cri: CriDaemon;
beforeAll(async () => {
  cri = await CriDaemon.start();
});
afterAll(() => cri?.dispose());

const sleeper = { command: ['sleep', '1000'] };
const EXITED = 2;
const status = async (container_id: string): Promise<Message> =>
  (await cri.call('ContainerStatus', { container_id }))['status'];
const mounts = () =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(join(cri.daemon.folder, 'exec/pods')));

test('the node is ready and tells what it can', async () => {
  expect(await cri.call('Version')).toMatchObject({ runtime_name: 'berth', runtime_api_version: 'v1' });
  const { status: node, features, runtime_handlers } = await cri.call('Status');
  expect(node.conditions.map(({ type, status: ready }: Message) => [type, ready])).toEqual([
    ['RuntimeReady', true],
    ['NetworkReady', true],
  ]);
  expect(features.supplemental_groups_policy).toBe(true);
  expect(runtime_handlers).toContainEqual({
    name: '',
    features: { recursive_read_only_mounts: true, user_namespaces: true },
  });
  await expect(cri.call('CheckpointContainer')).rejects.toMatchObject({ code: 12 });
});

test('containers of a pod share its network, host name and memory, are containers of the engine, and go with it', async () => {
  const pod = await cri.pod('two', { hostname: 'two-host', labels: { app: 'two' } });
  const first = await cri.container(pod, 'first', { ...sleeper, labels: { app: 'two' } });
  const second = await cri.container(pod, 'second', sleeper);
  const { status: shown } = await cri.call('PodSandboxStatus', { pod_sandbox_id: pod.id });
  expect(shown).toMatchObject({ state: 0, labels: { app: 'two' }, metadata: { name: 'two' } });
  expect(await cri.exec(first, 'ip', '-4', 'addr', 'show', 'eth0')).toContain(shown.network.ip);
  for (const kind of ['net', 'ipc', 'uts', 'pid'])
    expect(await cri.exec(first, 'readlink', `/proc/self/ns/${kind}`)).toBe(
      await cri.exec(second, 'readlink', `/proc/self/ns/${kind}`),
    );
  expect(await cri.exec(first, 'hostname')).toBe('two-host');
  await cri.exec(first, 'sh', '-c', 'echo shared > /dev/shm/file');
  expect(await cri.exec(second, 'cat', '/dev/shm/file')).toBe('shared');

  const { json } = await cri.daemon.call('GET', `/containers/${first}/json`);
  expect(json.Name).toBe('/k8s_first_two_default_uid-two_0');
  expect(json.Config.Labels).toMatchObject({ app: 'two', 'io.kubernetes.sandbox.id': pod.id });

  const pods = (await cri.daemon.call('GET', '/pods')).json;
  expect(pods).toMatchObject([{ Id: pod.id, Name: 'two', State: 'ready', IPAddresses: [shown.network.ip] }]);
  expect((await cri.daemon.call('GET', `/pods/${pod.id.slice(0, 12)}`)).json.Containers).toEqual([
    first,
    second,
  ]);

  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
  expect((await cri.daemon.call('GET', `/containers/${first}/json`)).status).toBe(404);
  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
  expect(mounts()).toEqual([]);
  expect(readdirSync(join(cri.daemon.folder, 'exec/pods'))).toEqual([]);
});

test('credentials of a pull are refused at once, whatever zeros are in them', async () => {
  const auth = Buffer.concat([Buffer.alloc(48_000), Buffer.from('x')]).toString('base64');
  // The daemon's watchdog fails the suite when this holds the event loop.
  const pull = cri.call('PullImage', { image: { image: 'localhost:1/none' }, auth: { auth } });
  await expect(pull).rejects.toThrow('auth.auth: it is not the base64 of USER:PASSWORD');
});

test('a log has the lines of the interface, and goes on in a new file when it is reopened', async () => {
  const pod = await cri.pod('logs');
  const id = await cri.container(pod, 'writer', {
    command: [
      'sh',
      '-c',
      'echo one; echo two >&2; while [ ! -e /go ]; do sleep 0.05; done; echo three; sleep 1000',
    ],
  });
  const { log_path } = await status(id);
  await until('two lines', () => readFileSync(log_path, 'utf8').split('\n').length === 3);
  const lines = readFileSync(log_path, 'utf8')
    .trim()
    .split('\n')
    .sort((a, b) => a.slice(30).localeCompare(b.slice(30)));
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z (stdout F one|stderr F two)$/);
  renameSync(log_path, `${log_path}.old`);
  await cri.call('ReopenContainerLog', { container_id: id });
  await cri.exec(id, 'touch', '/go');
  await until(
    'the third line',
    () => existsSync(log_path) && / stdout F three\n$/.test(readFileSync(log_path, 'utf8')),
  );
  const { text } = await cri.daemon.call('GET', `/containers/${id}/logs?stdout=1`);
  expect(text).toContain('three');
  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
});

test('a pod and what runs in it outlive a killed daemon; an end in between is not lost', async () => {
  const pod = await cri.pod('lasting');
  const stays = await cri.container(pod, 'stays', sleeper);
  const ends = await cri.container(pod, 'ends', { command: ['sh', '-c', 'sleep 1; exit 3'] });
  await cri.daemon.down('SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await cri.daemon.up();
  expect(await status(ends)).toMatchObject({ state: EXITED, exit_code: 3, reason: 'Error' });
  expect((await cri.call('PodSandboxStatus', { pod_sandbox_id: pod.id }))['status']).toMatchObject({
    state: 0,
  });
  const other = await cri.container(pod, 'other', sleeper);
  for (const kind of ['net', 'pid'])
    expect(await cri.exec(other, 'readlink', `/proc/self/ns/${kind}`)).toBe(
      await cri.exec(stays, 'readlink', `/proc/self/ns/${kind}`),
    );
  await cri.call('StopPodSandbox', { pod_sandbox_id: pod.id });
  expect((await status(stays)).state).toBe(EXITED);
  await cri.call('StopPodSandbox', { pod_sandbox_id: pod.id });
  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
  expect(mounts()).toEqual([]);
});

test('a pod has users of its own, to which volumes are mapped', async () => {
  const map = [{ container_id: 0, host_id: 200_000, length: 65_536 }];
  const pod = await cri.pod('mapped', {
    linux: { security_context: { namespace_options: { userns_options: { mode: 0, uids: map, gids: map } } } },
  });
  const folder = join(cri.daemon.folder, 'volume');
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), '');
  const mount = { container_path: '/volume', host_path: folder, uidMappings: map, gidMappings: map };
  const id = await cri.container(pod, 'root', {
    ...sleeper,
    mounts: [mount],
    linux: {
      security_context: {
        namespace_options: { userns_options: { mode: 0, uids: map, gids: map } },
      },
    },
  });
  expect((await cri.exec(id, 'cat', '/proc/self/uid_map')).split(/\s+/)).toEqual(['0', '200000', '65536']);
  expect(await cri.exec(id, 'stat', '-c', '%u', '/volume/file')).toBe('0');
  expect((await status(id)).user.linux).toMatchObject({ uid: 0, gid: 0 });
  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
});

test('exec by a one-time URL: input with its end, output, exit code', async () => {
  const pod = await cri.pod('stream');
  const container_id = await cri.container(pod, 'cat', sleeper);
  const cmd = ['sh', '-c', 'cat; echo end >&2; exit 7'];
  const { url } = await cri.call('Exec', { container_id, cmd, stdin: true, stdout: true, stderr: true });
  const outputs: Record<number, string> = {};
  const socket = new WebSocket(url.replace('http:', 'ws:'), 'v5.channel.k8s.io');
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => {
    const [channel = 0, ...bytes] = new Uint8Array(data as ArrayBuffer);
    outputs[channel] = (outputs[channel] ?? '') + Buffer.from(bytes).toString();
  };
  socket.onopen = () => {
    socket.send(Buffer.from('\0typed'));
    socket.send(Buffer.from([255, 0]));
  };
  await new Promise((resolve) => (socket.onclose = resolve));
  expect(outputs[1]).toBe('typed');
  expect(outputs[2]).toBe('end\n');
  expect(JSON.parse(outputs[3]!)).toMatchObject({
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '7' }] },
  });
  const again = await fetch(url);
  expect(again.status).toBe(400);
  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
});

test('a time that is over ends a command', async () => {
  const pod = await cri.pod('late');
  const container_id = await cri.container(pod, 'box', sleeper);
  await expect(
    cri.call('ExecSync', { container_id, cmd: ['sleep', '60'], timeout: 1 }),
  ).rejects.toMatchObject({ code: 4 });
  await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
});

describe('a field that is wrong is named, and changes nothing', () => {
  const good = { metadata: { name: 'x', uid: 'u', namespace: 'n', attempt: 0 } };
  const userns = (uids: Message[]) => ({
    linux: { security_context: { namespace_options: { userns_options: { mode: 0, uids, gids: uids } } } },
  });
  const confined = (security_context: Message) => ({ linux: { security_context } });
  test.each<[string, Message]>([
    ['config', {}],
    ['config.metadata', { config: {} }],
    ['config.metadata.name', { config: { metadata: { ...good.metadata, name: '' } } }],
    ['config.metadata.uid', { config: { metadata: { ...good.metadata, uid: 'a/b' } } }],
    ['config.hostname', { config: { ...good, hostname: 'a'.repeat(65) } }],
    ['config.log_directory', { config: { ...good, log_directory: 'relative' } }],
    ['config.dns_config.servers', { config: { ...good, dns_config: { servers: ['no address'] } } }],
    [
      'config.port_mappings[0].container_port',
      { config: { ...good, port_mappings: [{ container_port: 70_000 }] } },
    ],
    ['config.linux.cgroup_parent', { config: { ...good, linux: { cgroup_parent: '/../..' } } }],
    [
      'config.linux.sysctls[kernel.panic]',
      { config: { ...good, linux: { sysctls: { 'kernel.panic': '1' } } } },
    ],
    ['userns_options.uids', { config: { ...good, ...userns([]) } }],
    [
      'userns_options.uids',
      { config: { ...good, ...userns([{ container_id: 0, host_id: 4_294_967_295, length: 10 }]) } },
    ],
    ['runtime_handler', { config: good, runtime_handler: 'nobody' }],
    ['config.windows', { config: { ...good, windows: {} } }],
    ['config.linux.overhead.cpu_period', { config: { ...good, linux: { overhead: { cpu_period: 1 } } } }],
    [
      'config.linux.resources.cpuset_cpus',
      { config: { ...good, linux: { resources: { cpuset_cpus: 'all' } } } },
    ],
    ['namespace_options.pid', { config: { ...good, ...confined({ namespace_options: { pid: 3 } }) } }],
    [
      'namespace_options.target_id',
      { config: { ...good, ...confined({ namespace_options: { target_id: 'x' } }) } },
    ],
    ['security_context.run_as_group', { config: { ...good, ...confined({ run_as_group: { value: 1 } }) } }],
    ['security_context.seccomp', { config: { ...good, ...confined({ seccomp: { profile_type: 9 } }) } }],
  ])('%s', async (field, request) => {
    await expect(cri.call('RunPodSandbox', request)).rejects.toMatchObject({
      code: 3,
      message: expect.stringContaining(field),
    });
    expect((await cri.call('ListPodSandbox'))['items']).toEqual([]);
  });

  test('of a container: what is not of its pod, of this system or of this machine', async () => {
    const pod = await cri.pod('fields');
    const map = [{ container_id: 0, host_id: 200_000, length: 65_536 }];
    const image = { image: 'bb:latest' };
    const own: Array<[string, Message]> = [
      ['config.windows', { windows: {} }],
      [
        'namespace_options.userns_options',
        { linux: { security_context: { namespace_options: { userns_options: { uids: map, gids: map } } } } },
      ],
      ['mounts[0].propagation', { mounts: [{ container_path: '/x', image, propagation: 1 }] }],
      ['resources.unified', { linux: { resources: { unified: { 'cgroup.procs': '1' } } } }],
    ];
    for (const [field, config] of own)
      await expect(cri.container(pod, 'box', config)).rejects.toMatchObject({
        code: 3,
        message: expect.stringContaining(field),
      });
    const pulled = cri.call('PullImage', { image: { image: 'localhost:1/none', runtime_handler: 'nobody' } });
    await expect(pulled).rejects.toMatchObject({
      code: 3,
      message: expect.stringContaining('runtime_handler'),
    });
    expect((await cri.call('ListContainers'))['containers']).toEqual([]);
    await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
  });

  test('what is not there is not found; to stop or remove it is no error', async () => {
    const id = 'f'.repeat(64);
    for (const [call, field] of [
      ['PodSandboxStatus', 'pod_sandbox_id'],
      ['ContainerStatus', 'container_id'],
      ['StartContainer', 'container_id'],
    ] as const)
      await expect(cri.call(call, { [field]: id })).rejects.toMatchObject({
        code: 5,
        message: expect.stringContaining(field),
      });
    await cri.call('StopPodSandbox', { pod_sandbox_id: id });
    await cri.call('RemoveContainer', { container_id: id });
  });
});
