import { goFixed } from '@berth/templates/rounding.ts';
import type { Columns } from '../format/list.ts';
import { binarySize, humanSize } from '../format/sizes.ts';

/** A sample of a container's usage, as far as the client reads it. */
export interface StatsSample {
  id?: string;
  name?: string;
  cpu_stats: CpuStats;
  precpu_stats?: CpuStats;
  memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> | null };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }> | null;
  blkio_stats?: { io_service_bytes_recursive?: { op: string; value: number }[] | null } | null;
  pids_stats?: { current?: number } | null;
}

interface CpuStats {
  cpu_usage?: { total_usage?: number; percpu_usage?: number[] | null };
  system_cpu_usage?: number;
  online_cpus?: number;
}

/** A row of `stats`; without figures when the container has none. */
export interface Usage {
  /** As the user wrote it. */
  container: string;
  id: string;
  name: string;
  figures?: {
    cpuPercent: number;
    memory: number;
    memoryLimit: number;
    received: number;
    sent: number;
    read: number;
    written: number;
    pids: number;
  };
}

/** Percent of one CPU between the two readings of a sample, so that four busy CPUs are 400. */
function cpuPercent({ cpu_stats: now, precpu_stats: before }: StatsSample): number {
  const used = (now.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
  const total = (now.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || (now.cpu_usage?.percpu_usage?.length ?? 0);
  return used > 0 && total > 0 ? (used / total) * cpus * 100 : 0;
}

/** Memory without the part of the file cache that the kernel would give up first. */
function memoryInUse({ usage = 0, stats }: StatsSample['memory_stats']): number {
  // The older cgroups count it per tree, the newer have one name for it.
  const cache = stats?.['total_inactive_file'] ?? stats?.['inactive_file'] ?? 0;
  return cache < usage ? usage - cache : usage;
}

/** The figures of a sample. */
export function figuresOf(sample: StatsSample): NonNullable<Usage['figures']> {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const networks = Object.values(sample.networks ?? {});
  const io = sample.blkio_stats?.io_service_bytes_recursive ?? [];
  const bytesOf = (letter: string): number =>
    sum(io.filter(({ op }) => op.toLowerCase().startsWith(letter)).map(({ value }) => value));
  return {
    cpuPercent: cpuPercent(sample),
    memory: memoryInUse(sample.memory_stats),
    memoryLimit: sample.memory_stats.limit ?? 0,
    received: sum(networks.map(({ rx_bytes }) => rx_bytes)),
    sent: sum(networks.map(({ tx_bytes }) => tx_bytes)),
    read: bytesOf('r'),
    written: bytesOf('w'),
    pids: sample.pids_stats?.current ?? 0,
  };
}

const percent = (value: number): string => `${goFixed(value, 2)}%`;

/** The columns of `stats`. */
export function usageColumns(truncate: boolean): Columns<Usage> {
  const column = (header: string, show: (figures: NonNullable<Usage['figures']>) => string, none = '--') => ({
    header,
    value: ({ figures }: Usage) => (figures ? show(figures) : none),
  });
  return {
    goType: '*container.statsContext',
    columns: {
      BlockIO: column('BLOCK I/O', ({ read, written }) => `${humanSize(read, 3)} / ${humanSize(written, 3)}`),
      CPUPerc: column('CPU %', (figures) => percent(figures.cpuPercent)),
      Container: { header: 'CONTAINER', value: ({ container }) => container },
      ID: { header: 'CONTAINER ID', value: ({ id }) => (truncate ? id.slice(0, 12) : id) },
      MemPerc: column('MEM %', ({ memory, memoryLimit }) =>
        percent(memoryLimit ? (memory / memoryLimit) * 100 : 0),
      ),
      MemUsage: column(
        'MEM USAGE / LIMIT',
        ({ memory, memoryLimit }) => `${binarySize(memory)} / ${binarySize(memoryLimit)}`,
        '-- / --',
      ),
      Name: { header: 'NAME', value: ({ name }) => name.replace(/^\//, '') || '--' },
      NetIO: column('NET I/O', ({ received, sent }) => `${humanSize(received, 3)} / ${humanSize(sent, 3)}`),
      PIDs: column('PIDS', ({ pids }) => String(pids)),
    },
  };
}
