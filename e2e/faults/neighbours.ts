// Four containers that do their worst within their limits, and a fifth that serves HTTP beside them.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { sleep, TestDaemon } from '../support/daemon.ts';
import { Probe, percentile } from './latency.ts';
import { options } from './options.ts';

options(
  `npm run neighbours

A fork bomb, a memory bomb, a flood of a log and one of the disk, each within its limits, at once; a fifth container's HTTP
may take at most twice its idle 99th percentile. It wants a machine that does nothing else.`,
  {},
);

const IDLE = 8000;
const LOADED = 15_000;
const parent = `berth-neighbours-${randomBytes(4).toString('hex')}`;

const limited = { NetworkMode: 'none', NanoCpus: 200_000_000, Memory: 64 << 20, PidsLimit: 64 };
const bad: Record<string, [string[], object]> = {
  // A shell that can't fork ends: the bomb goes off again.
  'fork bomb': [
    ['sh', '-c', 'f() { f | f & f; }; while :; do (f) 2>/dev/null; done'],
    { RestartPolicy: { Name: 'always' } },
  ],
  'memory bomb': [
    ['sh', '-c', 'while :; do tail -c 500m /dev/zero >/dev/null; done'],
    { RestartPolicy: { Name: 'always' }, MemorySwap: 64 << 20 },
  ],
  'log flood': [
    ['sh', '-c', 'while :; do echo 01234567890123456789012345678901234567890123456789; done'],
    { LogConfig: { Type: 'json-file', Config: { 'max-size': '5m', 'max-file': '2' } } },
  ],
  'disk flood': [['sh', '-c', 'while :; do dd if=/dev/zero of=/flood bs=1M count=64 2>/dev/null; done'], {}],
};

const daemon = await TestDaemon.start(['--cgroup-parent', parent]);
let broken = false;
try {
  const port = 28_099;
  await daemon.box(['sh', '-c', 'echo hello > /index.html; exec httpd -f -p 80 -h /'], {
    ExposedPorts: { '80/tcp': {} },
    HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] } },
  });
  await sleep(500);
  const where = { host: '127.0.0.1', port, path: '/index.html' };
  const quiet = new Probe(where, 5);
  await sleep(IDLE);
  const idle = await quiet.stop();
  for (const [name, [Cmd, options]] of Object.entries(bad))
    await daemon.box(Cmd, { HostConfig: { ...limited, ...options } }, name.replace(' ', '-'));
  await sleep(1000);
  const busy = new Probe(where, 5);
  const pings = new Probe({ socketPath: daemon.socket, path: '/_ping' });
  await sleep(LOADED);
  const [loaded, pinged] = [await busy.stop(), await pings.stop()];
  const say = (what: string, times: number[], probe?: Probe) =>
    process.stdout.write(
      `${what.padEnd(34)} p50 ${percentile(times, 0.5).toFixed(2)} p99 ${percentile(times, 0.99).toFixed(2)} ms of ${times.length}` +
        `${probe && probe.failures > 0 ? `, ${probe.failures} failed` : ''}\n`,
    );
  say('HTTP, idle', idle, quiet);
  say('HTTP beside the four', loaded, busy);
  say('ping of the daemon beside the four', pinged, pings);
  const ratio = percentile(loaded, 0.99) / percentile(idle, 0.99);
  process.stdout.write(`ratio of the 99th percentiles ${ratio.toFixed(2)} (at most 2)\n`);
  for (const name of Object.keys(bad)) {
    const { json } = await daemon.call('GET', `/containers/${name.replace(' ', '-')}/json`);
    process.stdout.write(`${name.padEnd(12)} ${json.State.Status}, out of memory: ${json.State.OOMKilled}\n`);
  }
  broken = ratio > 2 || busy.failures > 0;
} finally {
  await daemon.dispose();
  spawnSync('sh', ['-c', `rmdir /sys/fs/cgroup/${parent} /sys/fs/cgroup/*/${parent} 2>/dev/null`]);
}
process.exit(broken ? 1 : 0);
