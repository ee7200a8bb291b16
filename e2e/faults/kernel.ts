import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/* The kernel's view of a container's first process. */

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

/** Whether a process is stopped by its cgroup's freezer (v1 or v2); undefined when that can't be told. */
export function frozen(pid: number): boolean | undefined {
  for (const line of read(`/proc/${pid}/cgroup`).split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === 'freezer') {
      const state = read(join('/sys/fs/cgroup/freezer', path, 'freezer.state'));
      if (state) return state !== 'THAWED';
    }
    const events = controllers === '' ? read(join('/sys/fs/cgroup', path, 'cgroup.events')) : '';
    if (events.includes('frozen')) return events.includes('frozen 1');
  }
  return undefined;
}

/** The interfaces of a process's network namespace but the loopback. */
export const links = (pid: number): string[] =>
  read(`/proc/${pid}/net/dev`)
    .split('\n')
    .flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? [])
    .filter((name) => name.startsWith('eth'));

/** The IPv4 addresses of a process's network namespace, those of the loopback left out. */
export function addresses(pid: number): string[] {
  const found = new Set<string>();
  let last = '';
  for (const line of read(`/proc/${pid}/net/fib_trie`).split('\n')) {
    const address = /^\s*\|--\s+(\d+\.\d+\.\d+\.\d+)/.exec(line)?.[1];
    if (address) last = address;
    else if (line.includes('/32 host LOCAL') && !last.startsWith('127.')) found.add(last);
  }
  return [...found].sort();
}

export const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** Whether a process is one that has ended and was not reaped. */
export const isZombie = (pid: number): boolean => /\) Z /.test(read(`/proc/${pid}/stat`));
