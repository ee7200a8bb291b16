import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestDaemon } from '../../support/daemon.ts';

/** The mount point of the hierarchy of cgroup v2. */
export const CGROUPS = '/sys/fs/cgroup';
/** All checks, in the order in which they run. */
export const checks: Array<[string, (daemon: TestDaemon) => void | Promise<void>]> = [];
/** Adds a check. */
export const check = (name: string, run: (daemon: TestDaemon) => void | Promise<void>) =>
  checks.push([name, run]);

/** Runs a shell script in a new container; gives what it wrote on both streams. */
export function inside(daemon: TestDaemon, flags: string[], script: string): string {
  const ran = daemon.berth(['run', '--rm', '--network', 'none', ...flags, 'bb', 'sh', '-c', script], {
    timeout: 120_000,
  });
  return ran.stdout + ran.stderr;
}

/** Starts a sleeping container; gives its id. */
export function sleeper(daemon: TestDaemon, flags: string[] = []): string {
  const ran = daemon.berth(['run', '-d', '--network', 'none', ...flags, 'bb', 'sleep', '100000']);
  assert.equal(ran.stderr, '');
  return ran.stdout.trim();
}

/** Removes a container by force. */
export const remove = (daemon: TestDaemon, id: string) =>
  assert.equal(daemon.berth(['rm', '-f', id]).status, 0);

/** A setting of a container's cgroup, as its file has it. */
export const limit = (id: string, file: string) =>
  readFileSync(`${CGROUPS}/docker/${id}/${file}`, 'utf8').trim();
