import type { ExplainedMap, ExplainedProcess } from '../api.ts';
import { breathe, readBeginning, statusField } from './proc.ts';

const MOST = 512;
const SLICE = 64;
const COMMAND = 256;

/** Ranges of ids, as /proc/PID/uid_map has them for a reader on the host. */
export function readMaps(pid: number, kind: 'uid' | 'gid'): ExplainedMap[] {
  return parseMaps(readBeginning(`/proc/${pid}/${kind}_map`) ?? '');
}

function parseMaps(text: string): ExplainedMap[] {
  return [...text.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)$/gm)].map(([, inside, host, size]) => ({
    Inside: Number(inside),
    Host: Number(host),
    Size: Number(size),
  }));
}

/** The id that a host's id has inside; the kernel's overflow id where it has none. */
export function insideId(maps: readonly ExplainedMap[], host: number): number {
  const range = maps.find(({ Host, Size }) => host >= Host && host < Host + Size);
  return range ? host - range.Host + range.Inside : 65534;
}

/** The container's processes by both numbers, parents before their children. */
export async function processesOf(
  pids: readonly number[],
  init: number,
  maps: readonly ExplainedMap[],
): Promise<ExplainedProcess[]> {
  const found: ExplainedProcess[] = [];
  // A further process (exec) may have been numbered in a namespace below; the container's own depth counts.
  const depth = numbersOf(readBeginning(`/proc/${init}/status`) ?? '').length - 1;
  for (const [index, pid] of pids.slice(0, MOST).entries()) {
    if (index % SLICE === SLICE - 1) await breathe();
    const process = readProcess(pid, depth, maps);
    if (process) found.push(process);
  }
  const inside = new Map(found.map(({ Pid, Inside }) => [Pid, Inside]));
  for (const process of found) process.InsideParent = inside.get(process.Parent) ?? 0;
  return inTreeOrder(found);
}

const numbersOf = (status: string): number[] =>
  statusField(status, 'NSpid').split(/\s+/).filter(Boolean).map(Number);

function readProcess(
  pid: number,
  depth: number,
  maps: readonly ExplainedMap[],
): ExplainedProcess | undefined {
  const status = readBeginning(`/proc/${pid}/status`);
  if (status === undefined) return undefined;
  const numbers = numbersOf(status);
  const uid = Number(statusField(status, 'Uid').split(/\s+/)[1] ?? 0);
  const line = (readBeginning(`/proc/${pid}/cmdline`, 4096) ?? '').replaceAll('\0', ' ').trim();
  return {
    Pid: pid,
    Inside: numbers[Math.max(depth, 0)] ?? numbers.at(-1) ?? pid,
    Parent: Number(statusField(status, 'PPid')),
    InsideParent: 0,
    Uid: uid,
    InsideUid: insideId(maps, uid),
    State: statusField(status, 'State').slice(0, 1),
    Command: (line || `[${statusField(status, 'Name')}]`).slice(0, COMMAND),
    Threads: Number(statusField(status, 'Threads')) || 1,
    Memory: (Number.parseInt(statusField(status, 'VmRSS'), 10) || 0) * 1024,
  };
}

function inTreeOrder(processes: readonly ExplainedProcess[]): ExplainedProcess[] {
  const here = new Set(processes.map(({ Pid }) => Pid));
  const children = new Map<number, ExplainedProcess[]>();
  for (const process of processes) {
    const parent = here.has(process.Parent) ? process.Parent : 0;
    const siblings = children.get(parent) ?? [];
    siblings.push(process);
    children.set(parent, siblings);
  }
  const ordered: ExplainedProcess[] = [];
  const waiting = (children.get(0) ?? []).toReversed();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    ordered.push(next);
    waiting.push(...(children.get(next.Pid) ?? []).toReversed());
  }
  return ordered;
}
