import { join } from 'node:path';
import type { CgroupView, Pressure, PressureLine } from '../api.ts';
import { readText } from './files.ts';
import { parseTable, parseValue } from './stats.ts';

type Read = (controller: string, name: string) => Promise<string>;

/** More than this many bytes are the kernel's way to say that there is no limit (v1). */
const NO_LIMIT = 2 ** 62;

const bounded = (text: string): number | null => {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'max' || trimmed === '-1') return null;
  const value = Number(trimmed);
  return Number.isFinite(value) && value < NO_LIMIT ? value : null;
};
const number = (text: string): number => bounded(text) ?? 0;

/** The limits of a cgroup of version 1 beside what is used. */
export async function viewV1(path: string, read: Read): Promise<CgroupView> {
  const memory = (name: string) => read('memory', `memory.${name}`);
  const cpu = (name: string) => read('cpu', `cpu.${name}`);
  const [usage, limit, peak, hits, swapLimit, soft, oom, stat] = await Promise.all(
    ['usage_in_bytes', 'limit_in_bytes', 'max_usage_in_bytes', 'failcnt']
      .concat('memsw.limit_in_bytes', 'soft_limit_in_bytes', 'oom_control', 'stat')
      .map(memory),
  );
  const [quota, period, shares, cpuStat, cpuUsage, cpus, pids, pidsMax, pidsEvents, io] = await Promise.all([
    cpu('cfs_quota_us'),
    cpu('cfs_period_us'),
    cpu('shares'),
    cpu('stat'),
    read('cpuacct', 'cpuacct.usage'),
    read('cpuset', 'cpuset.effective_cpus'),
    read('pids', 'pids.current'),
    read('pids', 'pids.max'),
    read('pids', 'pids.events'),
    read('blkio', 'blkio.throttle.io_service_bytes_recursive'),
  ]);
  const throttling = parseTable(cpuStat);
  const table = parseTable(stat!);
  return {
    Version: 1,
    Path: path,
    Memory: {
      Limit: bounded(limit!),
      Usage: parseValue(usage!),
      Peak: number(peak!),
      SwapLimit: bounded(swapLimit!),
      Reservation: bounded(soft!),
      LimitHits: number(hits!),
      OomKills: parseTable(oom!).get('oom_kill') ?? 0,
      Cache: table.get('total_cache') ?? 0,
      MajorFaults: table.get('total_pgmajfault') ?? 0,
    },
    Cpu: {
      Limit: cpuLimit(bounded(quota!), number(period!)),
      Shares: number(shares!),
      Cpus: cpus!.trim(),
      Usage: number(cpuUsage!),
      Periods: throttling.get('nr_periods') ?? 0,
      Throttled: throttling.get('nr_throttled') ?? 0,
      ThrottledTime: throttling.get('throttled_time') ?? 0,
    },
    Pids: {
      Limit: bounded(pidsMax!),
      Usage: number(pids!),
      LimitHits: parseTable(pidsEvents!).get('max') ?? 0,
    },
    Io: ioV1(io!),
    // Version 1 has no pressure of its own.
    Pressure: await pressures(async (name) => readText(`/proc/pressure/${name === 'cpu' ? 'cpu' : name}`)),
    PressureOf: 'host',
  };
}

/** The same of version 2. */
export async function viewV2(path: string, folder: string): Promise<CgroupView> {
  const file = (name: string) => readText(join(folder, name));
  const [usage, limit, peak, swap, low, events, stat] = await Promise.all(
    ['current', 'max', 'peak', 'swap.max', 'low', 'events', 'stat'].map((name) => file(`memory.${name}`)),
  );
  const [cpuMax, weight, cpuStat, cpus, pids, pidsMax, pidsEvents, io] = await Promise.all(
    ['cpu.max', 'cpu.weight', 'cpu.stat', 'cpuset.cpus.effective']
      .concat('pids.current', 'pids.max', 'pids.events', 'io.stat')
      .map(file),
  );
  const [quota = '', period = ''] = cpuMax!.trim().split(' ');
  const cpuTable = parseTable(cpuStat!);
  const memoryEvents = parseTable(events!);
  const table = parseTable(stat!);
  return {
    Version: 2,
    Path: path,
    Memory: {
      Limit: bounded(limit!),
      Usage: parseValue(usage!),
      Peak: number(peak!),
      SwapLimit: bounded(swap!),
      Reservation: bounded(low!) || null,
      LimitHits: memoryEvents.get('max') ?? 0,
      OomKills: memoryEvents.get('oom_kill') ?? 0,
      Cache: table.get('file') ?? 0,
      MajorFaults: table.get('pgmajfault') ?? 0,
    },
    Cpu: {
      Limit: cpuLimit(bounded(quota), number(period)),
      Shares: number(weight!),
      Cpus: cpus!.trim(),
      Usage: (cpuTable.get('usage_usec') ?? 0) * 1000,
      Periods: cpuTable.get('nr_periods') ?? 0,
      Throttled: cpuTable.get('nr_throttled') ?? 0,
      ThrottledTime: (cpuTable.get('throttled_usec') ?? 0) * 1000,
    },
    Pids: {
      Limit: bounded(pidsMax!),
      Usage: number(pids!),
      LimitHits: parseTable(pidsEvents!).get('max') ?? 0,
    },
    Io: ioV2(io!),
    Pressure: await pressures((name) => file(`${name}.pressure`)),
    PressureOf: 'container',
  };
}

/** Processors' worth of time; null: no limit. */
const cpuLimit = (quota: number | null, period: number) => (quota && period ? quota / period : null);

function ioV1(text: string): CgroupView['Io'] {
  const sums = { ReadBytes: 0, WrittenBytes: 0 };
  for (const [, op, value] of text.matchAll(/^\d+:\d+ (Read|Write) (\d+)$/gm))
    sums[op === 'Read' ? 'ReadBytes' : 'WrittenBytes'] += Number(value);
  return sums;
}

function ioV2(text: string): CgroupView['Io'] {
  const sums = { ReadBytes: 0, WrittenBytes: 0 };
  for (const [, read, written] of text.matchAll(/rbytes=(\d+) wbytes=(\d+)/g)) {
    sums.ReadBytes += Number(read);
    sums.WrittenBytes += Number(written);
  }
  return sums;
}

/** Pressure stall information (the kernel's accounting/psi.rst); undefined where the kernel has none. */
async function pressures(read: (name: string) => Promise<string>): Promise<CgroupView['Pressure']> {
  const [Cpu, Memory, Io] = (await Promise.all(['cpu', 'memory', 'io'].map(read))).map(parsePressure);
  return { ...(Cpu && { Cpu }), ...(Memory && { Memory }), ...(Io && { Io }) };
}

function parsePressure(text: string): Pressure | undefined {
  const line = (kind: string): PressureLine | undefined => {
    const [, Avg10, Avg60, Avg300, Total] =
      new RegExp(`^${kind} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) total=(\\d+)`, 'm').exec(text) ??
      [];
    return Avg10 === undefined
      ? undefined
      : { Avg10: Number(Avg10), Avg60: Number(Avg60), Avg300: Number(Avg300), Total: Number(Total) };
  };
  const [Some, Full] = [line('some'), line('full')];
  return Some && { Some, ...(Full && { Full }) };
}
