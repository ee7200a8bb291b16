// Checks on a machine like a user's: a stock kernel, systemd, cgroup v2 alone. Runs in the machine that main.ts boots.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { CriDaemon } from '../support/cri.ts';
import { sleep, TestDaemon, until } from '../support/daemon.ts';

const CGROUPS = '/sys/fs/cgroup';
const only = /berth\.checks=(\S+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1]?.split(',');
const checks: Array<[string, (daemon: TestDaemon) => void | Promise<void>]> = [];
const check = (name: string, run: (daemon: TestDaemon) => void | Promise<void>) => checks.push([name, run]);

/** Runs a shell script in a new container; gives what it wrote on both streams. */
function inside(daemon: TestDaemon, flags: string[], script: string): string {
  const ran = daemon.berth(['run', '--rm', '--network', 'none', ...flags, 'bb', 'sh', '-c', script], {
    timeout: 120_000,
  });
  return ran.stdout + ran.stderr;
}

/** Starts a sleeping container; gives its id. */
function sleeper(daemon: TestDaemon, flags: string[] = []): string {
  const ran = daemon.berth(['run', '-d', '--network', 'none', ...flags, 'bb', 'sleep', '100000']);
  assert.equal(ran.stderr, '');
  return ran.stdout.trim();
}
const remove = (daemon: TestDaemon, id: string) => assert.equal(daemon.berth(['rm', '-f', id]).status, 0);
/** Wake-ups of all threads of an idle daemon in 10 s; it has nothing to do, and a garbage collector that may. */
const IDLE_WAKEUPS = 10;
/** A program that looks at processes that join its container (see e2e/support/joining-reader.c). */
const READER = '/opt/berth/joining-reader';

/** How often each thread of a process has gone to sleep (proc_pid_status(5)), by its number. */
function wakeups(pid: string): Map<string, { name: string; count: number }> {
  const threads = new Map<string, { name: string; count: number }>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    const count = Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
    threads.set(thread, { name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '', count });
  }
  return threads;
}

const limit = (id: string, file: string) => readFileSync(`${CGROUPS}/docker/${id}/${file}`, 'utf8').trim();

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

check('joins: an exec is a process of the container only, from its first moment', async (daemon) => {
  const file = `${daemon.folder}/host-file`;
  writeFileSync(file, '');
  const volume = ['-v', `${READER}:/reader:ro`, '--cap-add', 'SYS_PTRACE', '--network', 'none'];
  const started = daemon.berth(['run', '-d', ...volume, 'bb', '/reader', file, 'secret-of-', 'another']);
  assert.equal(started.stderr, '');
  const id = started.stdout.trim();
  const said = () => daemon.berth(['logs', id]).stdout;
  await until('the reader', () => said().includes('ready'));
  for (let index = 0; index < 24; index++) {
    const { json } = await daemon.call('POST', `/containers/${id}/exec`, {
      Cmd: ['true'],
      AttachStdout: true,
      Tty: index % 3 === 1,
    });
    const options = { Tty: index % 3 === 1, Detach: index % 3 === 2 };
    assert.equal((await daemon.call('POST', `/exec/${json.Id}/start`, options)).status, 200);
  }
  daemon.berth(['stop', id]);
  const lines = said().trim().split('\n');
  assert.deepEqual(
    lines.filter((line) => line.startsWith('leak')),
    [],
  );
  const [, seen, early] = /^seen (\d+) early (\d+)$/.exec(lines.at(-1) ?? '') ?? [];
  process.stdout.write(`     ${seen} processes seen, ${early} before they ran their program\n`);
  // An emulated processor seldom lets it be early enough to see more (security/joining.test.ts does on a real one).
  assert.ok(Number(seen) > 0);
  remove(daemon, id);
});

check('devices: no inode of the host’s /dev is in a container', (daemon) => {
  const host = statSync('/dev/null').dev;
  const script =
    'cat /proc/self/mountinfo; stat -Lc "node %d %n" /dev/* /proc/kcore /proc/1/fd/* /proc/self/fd/*';
  const id = sleeper(daemon);
  for (const said of [
    inside(daemon, [], script),
    inside(daemon, ['--device', '/dev/loop-control'], script),
    daemon.berth(['exec', id, 'sh', '-c', script]).stdout,
  ]) {
    assert.ok(said.includes('/dev/null\n'));
    const found = said.split('\n').filter((line) => / devtmpfs |^node /.test(line));
    assert.deepEqual(
      found.filter((line) => / devtmpfs /.test(line) || line.startsWith(`node ${host} `)),
      [],
    );
  }
  remove(daemon, id);
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

check('devices: a program in the kernel lets through what was given, and no more', (daemon) => {
  const { major } = /^(?<major>\d+):/.exec(readFileSync('/sys/block/vda/dev', 'utf8'))!.groups!;
  const flags = ['--device', '/dev/loop-control:/dev/lc:r', '--device-cgroup-rule', 'c 10:200 rwm'];
  const script = `
    t() { "$@" 2>/dev/null && echo yes || echo no; }
    t sh -c ': < /dev/lc'; t sh -c ': > /dev/lc'; mknod /tmp/tun c 10 200; t sh -c ': < /tmp/tun'
    mknod /tmp/kmsg c 1 11; t sh -c ': < /tmp/kmsg'; mknod /tmp/vda b ${major} 0; t sh -c ': < /tmp/vda'
    t sh -c 'head -c1 /dev/urandom >/dev/null'`;
  assert.equal(inside(daemon, flags, script), 'yes\nno\nyes\nno\nno\nyes\n');
  assert.equal(inside(daemon, ['--privileged'], 'head -c1 /dev/vda | wc -c'), '1\n');
});

check('layers: mounted from their files, without loop devices; volatile for --rm', (daemon) => {
  assert.match(inside(daemon, [], 'grep " / " /proc/mounts'), /^overlay \/ overlay rw,.*volatile/);
  const id = sleeper(daemon);
  assert.match(readFileSync('/proc/filesystems', 'utf8'), /\terofs\n/);
  assert.deepEqual(
    readdirSync('/sys/block').filter((name) => existsSync(`/sys/block/${name}/loop`)),
    [],
  );
  daemon.berth(['exec', id, 'sh', '-c', 'echo new > /new; rm /bin/wget']);
  assert.equal(daemon.berth(['diff', id]).stdout, 'C /bin\nD /bin/wget\nA /new\n');
  daemon.berth(['commit', id, 'changed']);
  assert.equal(daemon.berth(['run', '--rm', 'changed', 'cat', '/new']).stdout, 'new\n');
  remove(daemon, id);
});

check('security: AppArmor, seccomp, capabilities', async (daemon) => {
  assert.equal(inside(daemon, [], 'cat /proc/self/attr/current'), 'docker-default (enforce)\n');
  assert.equal(inside(daemon, ['--privileged'], 'cat /proc/self/attr/current'), 'unconfined\n');
  assert.match(inside(daemon, [], 'grep Seccomp: /proc/self/status'), /\t2\n/);
  const mount = 'mount -t tmpfs x /tmp && echo mounted';
  assert.match(inside(daemon, ['--cap-add', 'SYS_ADMIN'], mount), /denied/);
  const open = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined'];
  assert.equal(inside(daemon, open, mount), 'mounted\n');
  const id = sleeper(daemon);
  assert.equal((await daemon.call('GET', `/containers/${id}/json`)).json.AppArmorProfile, 'docker-default');
  assert.equal(
    daemon.berth(['exec', id, 'cat', '/proc/self/attr/current']).stdout,
    'docker-default (enforce)\n',
  );
  remove(daemon, id);
});

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

check('systemd: a reload leaves limits alone; containers outlive the daemon', async (daemon) => {
  const id = sleeper(daemon, ['--cpus', '0.5', '--cpuset-cpus', '1']);
  const limits = () => [limit(id, 'cpu.max'), limit(id, 'cpuset.cpus'), limit(id, 'cgroup.procs')];
  const before = limits();
  execFileSync('systemctl', ['daemon-reload']);
  execFileSync('systemctl', ['daemon-reexec']);
  execFileSync('systemd-run', ['--wait', '--quiet', '-p', 'CPUWeight=50', '-p', 'IOWeight=50', 'true']);
  await sleep(500);
  assert.deepEqual(limits(), before);
  await daemon.down('SIGKILL');
  await daemon.up();
  assert.equal(daemon.berth(['exec', id, 'echo', 'lives']).stdout, 'lives\n');
  assert.deepEqual(limits(), before);
  remove(daemon, id);
});

check('systemd: as a service, stopped and started with a container running', async () => {
  const service = new TestDaemon();
  Object.assign(service, { socket: '/run/berth/berth.sock', host: 'unix:///run/berth/berth.sock' });
  const answers = () =>
    service.call('GET', '/_ping').then(
      (answer) => answer.status === 200,
      () => false,
    );
  execFileSync('systemctl', ['start', 'berthd']);
  await until('the service', answers);
  await service.importBusybox();
  const id = sleeper(service);
  execFileSync('systemctl', ['restart', 'berthd']);
  await until('the service', answers);
  assert.equal(service.berth(['exec', id, 'echo', 'lives']).stdout, 'lives\n');
  const pid = execFileSync('systemctl', ['show', '-P', 'MainPID', 'berthd'], { encoding: 'utf8' }).trim();
  // An emulated processor is long at what a start and requests leave to do: the first quiet span counts.
  const spans: string[] = [];
  for (let woken = Number.POSITIVE_INFINITY; woken > IDLE_WAKEUPS && spans.length < 6; ) {
    const before = wakeups(pid);
    await sleep(10_000);
    const threads = [...wakeups(pid)].map(([id, { name, count }]): [string, number] => [
      name,
      count - (before.get(id)?.count ?? 0),
    ]);
    woken = threads.reduce((sum, [, count]) => sum + count, 0);
    spans.push(
      `${woken} (${threads.flatMap(([name, count]) => (count > 0 ? `${name} ${count}` : [])).join(', ')})`,
    );
    if (woken <= IDLE_WAKEUPS) break;
  }
  process.stdout.write(`     idle: wake-ups in 10 s each: ${spans.join('; ')}\n`);
  assert.ok(Number.parseInt(spans.at(-1)!, 10) <= IDLE_WAKEUPS, 'never idle');
  remove(service, id);
  execFileSync('systemctl', ['stop', 'berthd']);
});

check('user namespaces: ids are another range here, root there', async () => {
  for (const file of ['/etc/subuid', '/etc/subgid']) writeFileSync(file, 'mapped:300000:65536\n');
  appendFileSync('/etc/passwd', 'mapped:x:990:990::/:/usr/sbin/nologin\n');
  const daemon = await TestDaemon.start(['--userns-remap', 'mapped']);
  try {
    const script =
      'cat /proc/self/uid_map; touch /new; stat -c %u /new /bin/busybox /etc; cat /sys/fs/cgroup/memory.max; cat /etc/hosts >/dev/null';
    const said = inside(daemon, ['-m', '64m'], script);
    assert.equal(said.replace(/ +/g, ' '), ' 0 300000 65536\n0\n0\n0\n67108864\n');
    assert.match(inside(daemon, ['--userns', 'host'], 'cat /proc/self/uid_map'), / 4294967295\n/);
    const id = sleeper(daemon, ['--oom-score-adj', '300']);
    assert.equal(daemon.berth(['exec', id, 'cat', '/proc/self/oom_score_adj']).stdout, '300\n');
    remove(daemon, id);
  } finally {
    await daemon.dispose();
  }
});

check('layers as folders', async () => {
  const daemon = await TestDaemon.start(['--storage-opt', 'berth.layers=folder']);
  try {
    assert.equal((await daemon.call('GET', '/info')).json.DriverStatus[0][1], 'overlay-folder');
    assert.equal(inside(daemon, [], 'echo new > /new; cat /new'), 'new\n');
    const id = sleeper(daemon);
    daemon.berth(['exec', id, 'sh', '-c', 'echo new > /new; rm /bin/wget']);
    assert.equal(daemon.berth(['diff', id]).stdout, 'C /bin\nD /bin/wget\nA /new\n');
    daemon.berth(['commit', id, 'changed']);
    assert.equal(daemon.berth(['run', '--rm', 'changed', 'cat', '/new']).stdout, 'new\n');
    remove(daemon, id);
  } finally {
    await daemon.dispose();
  }
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

process.env['BERTH_TEST_PATIENCE'] = '10';
// The kernel mounts layers from files of a disk's file system, not from those of the tmpfs that /tmp is.
process.env['TMPDIR'] = '/var/tmp';
const daemon = await TestDaemon.start(['--add-runtime', 'crun=/usr/bin/crun']);
let failed = 0;
for (const [name, run] of checks) {
  if (only && !only.some((word) => name.includes(word))) continue;
  const began = Date.now();
  try {
    await run(daemon);
    process.stdout.write(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)\n`);
  } catch (error) {
    failed++;
    process.stdout.write(`FAIL ${name}\n${error instanceof Error ? error.stack : error}\n`);
  }
}
if (failed > 0) process.stdout.write(`the daemon's log:\n${daemon.log.slice(-3000)}\n`);
await daemon.dispose();
process.exit(failed > 0 ? 1 : 0);
