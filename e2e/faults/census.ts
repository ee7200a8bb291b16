import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, type TestDaemon } from '../support/daemon.ts';
import { helpers, supervisors } from '../support/leaks.ts';

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

/** The descriptors of each part of a daemon when its first round was over, by the process that they were of. */
const first = new Map<number, number>();

/** So many more a process may have: some are opened once, when they are first needed. */
const MORE = 10;
/** The sockets, pipes, timers and the like that a supervisor without clients has at most. */
const OF_SUPERVISOR = 18;

/** Repeats a look until nothing is found, for what goes on behind the answers gets some seconds to end. */
async function settled(look: () => string[]): Promise<string[]> {
  let said = look();
  for (const deadline = Date.now() + 5000; said.length > 0 && Date.now() < deadline; said = look())
    await sleep(100);
  return said;
}

/** Descriptors of daemon, launcher and network worker that stayed open since their first round, when nothing runs any more. */
export const leftOpen = (daemon: TestDaemon): Promise<string[]> =>
  settled(() => {
    const parts: [string, number][] = [['daemon', daemon.process!.pid!]];
    for (const { pid, args } of helpers(daemon)) parts.push([args[1] ?? '', pid]);
    return parts.flatMap(([name, pid]) => {
      const files = openFiles(pid);
      const before = first.get(pid);
      if (before === undefined) first.set(pid, files.length);
      return files.length <= (before ?? files.length) + MORE
        ? []
        : [`${name} (${pid}): ${before} open files before, ${files.length} now: ${counted(files)}`];
    });
  });

/** Descriptors that supervisors have kept of clients that have gone. */
export const leftOpenBySupervisors = (daemon: TestDaemon): Promise<string[]> =>
  settled(() =>
    supervisors(daemon).flatMap(({ pid, name }) => {
      const files = openFiles(pid).filter((file) => KINDS.test(file));
      return files.length > OF_SUPERVISOR
        ? [`${name} (${pid}): ${files.length} open: ${counted(files)}`]
        : [];
    }),
  );

const KINDS = /^(socket|pipe|anon_inode)/;

/** How many there are of each kind. */
function counted(files: string[]): string {
  const kinds = new Map<string, number>();
  for (const file of files) {
    const kind = KINDS.exec(file)?.[0] ?? file;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
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
