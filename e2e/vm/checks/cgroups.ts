// Limits, statistics and the ends of containers under cgroup v2, and how `explain` shows them.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { until } from '../../support/daemon.ts';

import { CGROUPS, check, inside, limit, remove, sleeper } from './check.ts';

check('info: cgroup v2, AppArmor, seccomp, private cgroup namespaces', async (daemon) => {
  const { json } = await daemon.call('GET', '/info');
  assert.equal(json.CgroupVersion, '2');
  assert.equal(json.CgroupDriver, 'cgroupfs');
  for (const option of ['name=apparmor', 'name=seccomp,profile=builtin', 'name=cgroupns'])
    assert.ok(json.SecurityOptions.includes(option), option);
  assert.equal(json.Warnings, null);
  process.stdout.write(
    `     ${json.OperatingSystem}, ${json.KernelVersion}, layers: ${json.DriverStatus[0][1]}\n`,
  );
});

check('cgroups: limits at start, changed while it runs', (daemon) => {
  const id = sleeper(daemon, [
    ...['-m', '64m', '--memory-swap', '96m', '--memory-reservation', '32m', '--cpus', '0.5'],
    ...['--cpuset-cpus', '1', '--pids-limit', '20', '--blkio-weight', '500'],
    ...['--device-read-bps', '/dev/vda:1mb', '--device-write-iops', '/dev/vda:20'],
  ]);
  assert.equal(limit(id, 'memory.max'), String(64 << 20));
  assert.equal(limit(id, 'memory.swap.max'), String(32 << 20));
  assert.equal(limit(id, 'memory.low'), String(32 << 20));
  assert.equal(limit(id, 'cpu.max'), '50000 100000');
  assert.equal(limit(id, 'cpuset.cpus'), '1');
  assert.equal(limit(id, 'pids.max'), '20');
  assert.equal(limit(id, 'io.weight'), 'default 4950');
  assert.match(limit(id, 'io.max'), /^\d+:\d+ rbps=1048576 wbps=max riops=max wiops=20$/);
  const update = ['-m', '80m', '--memory-swap', '120m', '--cpus', '1', '--cpuset-cpus', '0'];
  assert.equal(
    daemon.berth(['update', ...update, '--pids-limit', '30', '--cpu-shares', '512', id]).status,
    0,
  );
  assert.equal(limit(id, 'memory.max'), String(80 << 20));
  assert.equal(limit(id, 'memory.swap.max'), String(40 << 20));
  assert.equal(limit(id, 'cpu.max'), '100000 100000');
  assert.equal(limit(id, 'cpu.weight'), '20');
  assert.equal(limit(id, 'cpuset.cpus'), '0');
  assert.equal(limit(id, 'pids.max'), '30');
  remove(daemon, id);
});

check('cgroups: the container sees its own alone, read-only, as any user', (daemon) => {
  const script =
    'cat /proc/self/cgroup /sys/fs/cgroup/memory.max; grep cgroup /proc/mounts; mkdir /sys/fs/cgroup/x';
  const said = inside(daemon, ['--user', '1000', '-m', '64m'], script);
  assert.match(said, /^0::\/\n67108864\ncgroup \/sys\/fs\/cgroup cgroup2 ro,/);
  assert.match(said, /Read-only file system/);
  assert.match(inside(daemon, ['--privileged'], 'mkdir /sys/fs/cgroup/x && echo made'), /^made/);
  const parent = ['--cgroupns', 'host', '--cgroup-parent', '/berth-vm/deep', '--cpus', '0.3'];
  assert.match(inside(daemon, parent, 'cat /proc/self/cgroup'), /^0::\/berth-vm\/deep\/[0-9a-f]{64}\n$/);
});

check('cgroups: statistics in the shape of v2', async (daemon) => {
  const id = sleeper(daemon, ['-m', '64m']);
  const { json } = await daemon.call('GET', `/containers/${id}/stats?stream=false`);
  assert.equal(json.memory_stats.limit, 64 << 20);
  assert.ok(json.memory_stats.usage > 0);
  assert.equal(json.memory_stats.max_usage, undefined);
  assert.ok('inactive_file' in json.memory_stats.stats && 'anon' in json.memory_stats.stats);
  assert.ok(json.cpu_stats.cpu_usage.total_usage > 0);
  assert.equal(json.cpu_stats.cpu_usage.percpu_usage, undefined);
  assert.equal(json.cpu_stats.online_cpus, 2);
  assert.equal(json.pids_stats.current, 1);
  assert.equal(json.blkio_stats.io_serviced_recursive, null);
  remove(daemon, id);
});

check('cgroups: pause, unpause, kill, and nothing left', (daemon) => {
  const id = sleeper(daemon);
  daemon.berth(['pause', id]);
  assert.match(limit(id, 'cgroup.events'), /frozen 1/);
  daemon.berth(['unpause', id]);
  assert.match(limit(id, 'cgroup.events'), /frozen 0/);
  remove(daemon, id);
  assert.ok(!existsSync(`${CGROUPS}/docker/${id}`));
});

check('cgroups: a frozen container is killed, stopped and removed', async (daemon) => {
  const freezers: Array<[string, (id: string) => unknown]> = [
    ['pause', (id) => daemon.berth(['pause', id])],
    ['nobody tells', (id) => writeFileSync(`${CGROUPS}/docker/${id}/cgroup.freeze`, '1')],
  ];
  const ends = [
    ['POST', '/kill'],
    ['POST', '/stop?t=1'],
    ['DELETE', '?force=1'],
  ] as const;
  for (const [name, freeze] of freezers)
    for (const [method, path] of ends) {
      const id = sleeper(daemon);
      freeze(id);
      await until('the freeze', () => /frozen 1/.test(limit(id, 'cgroup.events')));
      const began = Date.now();
      assert.equal((await daemon.call(method, `/containers/${id}${path}`)).status, 204, `${name} ${path}`);
      // A second by a stop of its own, the rest by an emulated processor; the limits of a kill that fails are 10 s each.
      assert.ok(Date.now() - began < 9000, `${name} ${path}: ${Date.now() - began} ms`);
      if (method === 'POST') {
        const { State } = (await daemon.call('GET', `/containers/${id}/json`)).json;
        assert.deepEqual([State.Status, State.ExitCode], ['exited', 137], `${name} ${path}`);
        remove(daemon, id);
      }
      assert.ok(!existsSync(`${CGROUPS}/docker/${id}`));
    }
});

check('cgroups: a container out of memory says so', async (daemon) => {
  const flags = ['run', '--name', 'oom', '--network', 'none', '-m', '16m', '--memory-swap', '16m'];
  const ran = daemon.berth([...flags, 'bb', 'sh', '-c', 'x=a; while :; do x=$x$x; done'], {
    timeout: 120_000,
  });
  assert.equal(ran.status, 137);
  assert.equal((await daemon.call('GET', '/containers/oom/json')).json.State.OOMKilled, true);
  remove(daemon, 'oom');

  // So does one that lives on without the child that was killed.
  assert.equal(daemon.berth([...flags, '-d', 'bb', 'sh', '-c', 'tail /dev/zero; sleep 100000']).status, 0);
  const state = async () => (await daemon.call('GET', '/containers/oom/json')).json.State;
  await until('the kill of the child', async () => (await state()).OOMKilled);
  assert.equal((await state()).Running, true);
  const filters = encodeURIComponent(JSON.stringify({ container: ['oom'], event: ['oom'] }));
  const { text } = await daemon.call('GET', `/events?until=${Date.now() / 1000 + 1}&filters=${filters}`);
  assert.equal(text.match(/"Action":"oom"/g)?.length, 2);
  remove(daemon, 'oom');
});

check('explain: limits of cgroup v2 beside what is used, pressure, confinement', async (daemon) => {
  const id = sleeper(daemon, ['-m', '64m', '--cpus', '0.5', '--pids-limit', '20']);
  const { json } = await daemon.call('GET', `/berth/explain/containers/${id}`);
  assert.equal(json.Limits.Memory.Limit, 64 << 20);
  assert.ok(json.Limits.Memory.Usage > 0);
  assert.equal(json.Limits.Pids.Limit, 20);
  assert.equal(json.Limits.Pids.Usage, 1);
  assert.equal(json.Limits.Cpu.Limit, 0.5);
  assert.match(json.Limits.Path, new RegExp(`docker/${id}$`));
  assert.equal(json.Confinement.AppArmor, 'docker-default');
  remove(daemon, id);
});
