import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { helpers } from '../support/leaks.ts';

/** The resources that the processes of an engine hold at an instant. */
export interface Census {
  /** Descriptors of daemon, launcher and network worker. */
  descriptors: Record<string, number>;
  threads: Record<string, number>;
  cgroups: number;
  /** Files under the data root and the run folders. */
  files: number;
  /** Memory of the daemon alone, in bytes (Pss). */
  memory: number;
}

export function census(daemon: TestDaemon, parent: string): Census {
  const descriptors: Record<string, number> = {};
  const threads: Record<string, number> = {};
  const parts: [string, number][] = [['daemon', daemon.process!.pid!]];
  for (const { pid, args } of helpers(daemon)) parts.push([args[1] ?? '', pid]);
  for (const [name, pid] of parts) {
    descriptors[name] = openFiles(pid).length;
    threads[name] = list(`/proc/${pid}/task`).length;
  }
  return {
    descriptors,
    threads,
    cgroups: ['', ...list('/sys/fs/cgroup')].reduce(
      (sum, one) =>
        sum + list(join('/sys/fs/cgroup', one, parent)).filter((name) => /^[0-9a-f]{64}$/.test(name)).length,
      0,
    ),
    files: [daemon.data, join(daemon.folder, 'exec')].reduce((sum, folder) => sum + countFiles(folder), 0),
    memory: pss(daemon.process!.pid!),
  };
}

/** The open files of a process, sockets and epoll instances included. */
export const openFiles = (pid: number): string[] =>
  list(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });

/** The growth from one census to a later one, in words. Threads and descriptors of pools may differ by a few. */
export function grown(before: Census, after: Census, slack: number): string[] {
  const said: string[] = [];
  for (const what of ['descriptors', 'threads'] as const)
    for (const [name, count] of Object.entries(after[what])) {
      const was = before[what][name];
      if (was === undefined) said.push(`${what}: a new process ${name}`);
      else if (count > was + slack) said.push(`${what} of ${name}: ${was} before, ${count} after`);
    }
  if (after.cgroups > before.cgroups) said.push(`cgroups: ${before.cgroups} before, ${after.cgroups} after`);
  if (after.files > before.files + slack) said.push(`files: ${before.files} before, ${after.files} after`);
  return said;
}

function pss(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
}

function list(folder: string): string[] {
  try {
    return existsSync(folder) ? readdirSync(folder) : [];
  } catch {
    return [];
  }
}

function countFiles(folder: string): number {
  let count = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    count++;
    if (entry.isDirectory()) count += countFiles(join(folder, entry.name));
  }
  return count;
}
