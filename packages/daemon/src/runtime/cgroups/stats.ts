import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** The members of `memory_stats.stats` that dockerd sends, by cgroup version. */
const MEMORY_V1 = [
  'active_anon',
  'active_file',
  'cache',
  'dirty',
  'hierarchical_memory_limit',
  'hierarchical_memsw_limit',
  'inactive_anon',
  'inactive_file',
  'mapped_file',
  'pgfault',
  'pgmajfault',
  'pgpgin',
  'pgpgout',
  'rss',
  'rss_huge',
  'total_active_anon',
  'total_active_file',
  'total_cache',
  'total_dirty',
  'total_inactive_anon',
  'total_inactive_file',
  'total_mapped_file',
  'total_pgfault',
  'total_pgmajfault',
  'total_pgpgin',
  'total_pgpgout',
  'total_rss',
  'total_rss_huge',
  'total_unevictable',
  'total_writeback',
  'unevictable',
  'writeback',
];
const MEMORY_V2 = [
  'active_anon',
  'active_file',
  'anon',
  'anon_thp',
  'file',
  'file_dirty',
  'file_mapped',
  'file_writeback',
  'inactive_anon',
  'inactive_file',
  'kernel_stack',
  'pgactivate',
  'pgdeactivate',
  'pgfault',
  'pglazyfree',
  'pglazyfreed',
  'pgmajfault',
  'pgrefill',
  'pgscan',
  'pgsteal',
  'shmem',
  'slab',
  'slab_reclaimable',
  'slab_unreclaimable',
  'sock',
  'thp_collapse_alloc',
  'thp_fault_alloc',
  'unevictable',
  'workingset_activate',
  'workingset_nodereclaim',
  'workingset_refault',
];

export interface BlkioEntry {
  major: number;
  minor: number;
  op: string;
  value: number;
}

/** `name value` lines. */
export function parseTable(text: string): Map<string, number> {
  const table = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) table.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return table;
}

/** A single number of a file; 0 for `max` or nothing. */
export const parseValue = (text: string): number => {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
};

function pick(table: Map<string, number>, names: string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, table.get(name) ?? 0]));
}

/** Unlimited containers show the machine's memory. */
const shownLimit = (limit: number): number => {
  const total = totalmem();
  return limit <= 0 || limit > total ? total : limit;
};

/** Time the whole machine has spent, in nanoseconds, and its CPUs that are on. */
function systemCpu(): { system_cpu_usage: number; online_cpus: number } {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const ticks = (lines[0] ?? '').split(/\s+/).slice(1, 8).map(Number);
  return {
    system_cpu_usage: ticks.reduce((sum, tick) => sum + tick, 0) * 10_000_000,
    online_cpus: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}

/** The texts of the files of a v1 cgroup; '' for one that is missing. */
export interface FilesV1 {
  usage: string; // cpuacct.usage
  perCpu: string; // cpuacct.usage_percpu
  cpuacctStat: string; // cpuacct.stat, ticks
  cpuStat: string; // cpu.stat
}

/** `cpu_stats` of a v1 cgroup, times in nanoseconds (ticks of the kernel are 10 ms). */
export function cpuStatsV1(files: FilesV1): Record<string, unknown> {
  const ticks = parseTable(files.cpuacctStat);
  const throttling = parseTable(files.cpuStat);
  return {
    cpu_usage: {
      total_usage: parseValue(files.usage),
      percpu_usage: files.perCpu.trim().split(/\s+/).map(Number),
      usage_in_kernelmode: (ticks.get('system') ?? 0) * 10_000_000,
      usage_in_usermode: (ticks.get('user') ?? 0) * 10_000_000,
    },
    ...systemCpu(),
    throttling_data: {
      periods: throttling.get('nr_periods') ?? 0,
      throttled_periods: throttling.get('nr_throttled') ?? 0,
      throttled_time: throttling.get('throttled_time') ?? 0,
    },
  };
}

/** `memory_stats` of a v1 cgroup in bytes, from the texts of its files. */
export function memoryStatsV1(files: {
  stat: string;
  usage: string;
  maximum: string;
  failures: string;
  limit: string;
}): Record<string, unknown> {
  const failures = parseValue(files.failures);
  return {
    usage: parseValue(files.usage),
    max_usage: parseValue(files.maximum),
    stats: pick(parseTable(files.stat), MEMORY_V1),
    ...(failures > 0 && { failcnt: failures }),
    limit: shownLimit(parseValue(files.limit)),
  };
}

/** Bytes of a v1 cgroup in swap, from its memory.stat; nothing where the kernel does not count them. */
export function swapV1(stat: string): { swap?: number } {
  const swap = parseTable(stat).get('total_swap');
  return swap === undefined ? {} : { swap };
}

/** `8:0 Read 4096` lines; sums without a device are left out. */
function parseBlkioV1(text: string): BlkioEntry[] {
  const entries: BlkioEntry[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
    if (match)
      entries.push({
        major: Number(match[1]),
        minor: Number(match[2]),
        op: match[3]!,
        value: Number(match[4]),
      });
  }
  return entries;
}

const BLKIO = [
  'io_service_bytes_recursive',
  'io_serviced_recursive',
  'io_queue_recursive',
  'io_service_time_recursive',
  'io_wait_time_recursive',
  'io_merged_recursive',
  'io_time_recursive',
  'sectors_recursive',
] as const;
type BlkioStats = Record<(typeof BLKIO)[number], BlkioEntry[] | null>;

/** `blkio_stats` whose every list is `empty`: dockerd sends [] on v1, null on v2 and for a container that does not run. */
export const blkioStats = (empty: [] | null): BlkioStats =>
  Object.fromEntries(BLKIO.map((name) => [name, empty])) as BlkioStats;

/**
 * `blkio_stats` of a v1 cgroup, from the texts of `blkio.throttle.io_service_bytes` and `io_serviced`; dockerd sends empty
 * lists for the rest.
 */
export const blkioStatsV1 = (bytes: string, operations: string): BlkioStats => ({
  ...blkioStats([]),
  io_service_bytes_recursive: parseBlkioV1(bytes),
  io_serviced_recursive: parseBlkioV1(operations),
});

/** `cpu_stats` of a v2 cgroup from the text of its `cpu.stat`, times in nanoseconds. */
export function cpuStatsV2(cpuStat: string): Record<string, unknown> {
  const table = parseTable(cpuStat);
  const nanoseconds = (name: string) => (table.get(name) ?? 0) * 1000;
  return {
    cpu_usage: {
      total_usage: nanoseconds('usage_usec'),
      usage_in_kernelmode: nanoseconds('system_usec'),
      usage_in_usermode: nanoseconds('user_usec'),
    },
    ...systemCpu(),
    throttling_data: {
      periods: table.get('nr_periods') ?? 0,
      throttled_periods: table.get('nr_throttled') ?? 0,
      throttled_time: nanoseconds('throttled_usec'),
    },
  };
}

/**
 * `memory_stats` of a v2 cgroup in bytes, from the texts of its files; `failcnt` counts the events `oom`, as dockerd has it.
 */
export function memoryStatsV2(files: {
  stat: string;
  usage: string;
  limit: string;
  events: string;
}): Record<string, unknown> {
  const failures = parseTable(files.events).get('oom') ?? 0;
  return {
    usage: parseValue(files.usage),
    stats: pick(parseTable(files.stat), MEMORY_V2),
    ...(failures > 0 && { failcnt: failures }),
    limit: shownLimit(parseValue(files.limit)),
  };
}

/** `8:0 rbytes=1 wbytes=2 ...` lines. */
export function blkioStatsV2(ioStat: string): BlkioStats {
  const bytes: BlkioEntry[] = [];
  for (const line of ioStat.split('\n')) {
    const match = /^(\d+):(\d+) (.*)$/.exec(line);
    if (!match) continue;
    const values = new Map(match[3]!.split(' ').map((pair) => pair.split('=') as [string, string]));
    const [major, minor] = [Number(match[1]), Number(match[2])];
    bytes.push({ major, minor, op: 'read', value: Number(values.get('rbytes') ?? 0) });
    bytes.push({ major, minor, op: 'write', value: Number(values.get('wbytes') ?? 0) });
  }
  return { ...blkioStats(null), io_service_bytes_recursive: bytes.length > 0 ? bytes : null };
}

/** `pids_stats`: no limit is left out, as dockerd does on v1. */
export function pidsStats(current: string, maximum: string): Record<string, number> {
  const limit = parseValue(maximum);
  return { current: parseValue(current), ...(limit > 0 && { limit }) };
}
