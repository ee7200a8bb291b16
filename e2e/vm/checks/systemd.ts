// The daemon under systemd: reloads, the service, an idle daemon.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { sleep, TestDaemon, until } from '../../support/daemon.ts';

import { check, limit, remove, sleeper } from './check.ts';

/** Wake-ups of all threads of an idle daemon in 10 s; it has nothing to do, and a garbage collector that may. */
const IDLE_WAKEUPS = 10;

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
