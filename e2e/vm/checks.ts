// Checks on a machine like a user's: a stock kernel, systemd, cgroup v2 alone. Runs in the machine that main.ts boots.
import { readFileSync } from 'node:fs';
import { TestDaemon } from '../support/daemon.ts';
import { checks } from './checks/check.ts';
import './checks/cgroups.ts';
import './checks/confinement.ts';
import './checks/layers.ts';
import './checks/services.ts';
import './checks/systemd.ts';

/** The words of the kernel's command line that choose checks by their names. */
const only = /berth\.checks=(\S+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1]?.split(',');
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
