import { closeSync, constants, openSync, readSync } from 'node:fs';
import { breathe } from '../facts/proc.ts';

/** The lines of the kernel's log about a process that it killed for want of memory. */
export interface OomKill {
  /** `CONSTRAINT_MEMCG`: a cgroup's limit; else the machine's memory. */
  constraint: string;
  /** The cgroup whose limit was met. */
  limited: string;
  task: string;
  pid: number;
}

const SLICE = 200;
const MOST = 30_000;
const RECORD = Buffer.allocUnsafe(8192);

/** Reads the kernel's log for kills in cgroups of that container; the last one first. Nothing where it may not be read. */
export async function oomKills(id: string): Promise<OomKill[]> {
  let fd: number;
  try {
    fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return [];
  }
  const kills: OomKill[] = [];
  try {
    for (let count = 1; count < MOST; count++) {
      if (count % SLICE === 0) await breathe();
      let size: number;
      try {
        size = readSync(fd, RECORD);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') continue; // overwritten meanwhile
        break; // EAGAIN: that was all
      }
      const kill = parseOomKill(RECORD.toString('utf8', 0, size));
      if (kill?.cgroup.split('/').includes(id)) kills.unshift(kill);
    }
  } finally {
    closeSync(fd);
  }
  return kills;
}

function parseOomKill(line: string): (OomKill & { cgroup: string }) | undefined {
  if (!line.includes('oom-kill:constraint=')) return undefined;
  const field = (name: string) => new RegExp(`[:,]${name}=([^,\\n]*)`).exec(line)?.[1] ?? '';
  return {
    constraint: field('constraint'),
    limited: field('oom_memcg'),
    cgroup: field('task_memcg'),
    task: field('task'),
    pid: Number(field('pid')),
  };
}
