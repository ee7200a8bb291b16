// Networks, another runtime, and pods.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmdirSync } from 'node:fs';
import { CriDaemon } from '../../support/cri.ts';
import { until } from '../../support/daemon.ts';

import { CGROUPS, check, inside, remove } from './check.ts';

check('networks: a published port, names, isolation', async (daemon) => {
  daemon.berth(['network', 'create', 'front']);
  const server = 'mkdir /www; echo hello > /www/i; exec httpd -f -p 80 -h /www';
  const options = ['run', '-d', '--name', 'web', '--network', 'front', '-p', '8080:80'];
  assert.equal(daemon.berth([...options, 'bb', 'sh', '-c', server]).stderr, '');
  await until('the published port', () => {
    const { stdout } = spawnSync('curl', ['-s', '-m', '5', 'http://127.0.0.1:8080/i'], { encoding: 'utf8' });
    return stdout === 'hello\n';
  });
  const get = (network: string) =>
    daemon.berth(['run', '--rm', '--network', network, 'bb', 'wget', '-T', '5', '-qO-', 'http://web/i']);
  assert.equal(get('front').stdout, 'hello\n');
  assert.notEqual(get('bridge').status, 0);
  remove(daemon, 'web');
  assert.equal(daemon.berth(['network', 'rm', 'front']).status, 0);
});

check('runtimes: crun has the same limits from the same bundle', (daemon) => {
  const script =
    'cd /sys/fs/cgroup; cat memory.max memory.swap.max cpu.max cpu.weight pids.max; echo; grep -E "^(Cap|Seccomp:|NoNew)" /proc/self/status';
  const flags = [
    '-m',
    '64m',
    '--memory-swap',
    '96m',
    '--cpus',
    '0.5',
    '--cpu-shares',
    '512',
    '--pids-limit',
    '20',
  ];
  const own = inside(daemon, flags, script);
  assert.match(own, /^67108864\n33554432\n50000 100000\n/);
  assert.equal(inside(daemon, [...flags, '--runtime', 'crun'], script), own);
});

check('pods: limits, updates and statistics of cgroup v2; nothing is left', async () => {
  const cri = await CriDaemon.start();
  try {
    const pod = await cri.pod('vm', {
      linux: { cgroup_parent: '/kubepods/pod1', security_context: { namespace_options: { pid: 1 } } },
    });
    const resources = {
      memory_limit_in_bytes: 64 << 20,
      cpu_quota: 50_000,
      cpu_period: 100_000,
      cpu_shares: 512,
    };
    const id = await cri.container(pod, 'main', {
      command: ['sleep', '100000'],
      linux: { resources: { ...resources, unified: { 'memory.high': String(48 << 20) } } },
    });
    const read = (file: string) => cri.exec(id, 'cat', `/sys/fs/cgroup/${file}`);
    assert.equal(await read('memory.max'), String(64 << 20));
    assert.equal(await read('memory.high'), String(48 << 20));
    assert.equal(await read('cpu.max'), '50000 100000');
    await cri.call('UpdateContainerResources', {
      container_id: id,
      linux: { memory_limit_in_bytes: 96 << 20 },
    });
    assert.equal(await read('memory.max'), String(96 << 20));
    const { stats } = await cri.call('ContainerStats', { container_id: id });
    assert.ok(Number(stats.memory.working_set_bytes.value) > 0);
    assert.ok(Number(stats.cpu.usage_core_nano_seconds.value) > 0);
    await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
    assert.deepEqual(
      readdirSync(`${CGROUPS}/kubepods/pod1`, { withFileTypes: true }).filter((one) => one.isDirectory()),
      [],
    );
  } finally {
    await cri.dispose();
    for (const path of ['kubepods/pod1', 'kubepods']) rmdirSync(`${CGROUPS}/${path}`);
  }
});
