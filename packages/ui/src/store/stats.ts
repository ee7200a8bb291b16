import { jsonLines } from '../api/live.ts';
import { engine } from './engine.ts';

interface CpuStats {
  cpu_usage?: { total_usage?: number };
  system_cpu_usage?: number;
  online_cpus?: number;
}

/** The numbers of the engine that a sample is made of; a container that ended has few of them. */
interface Raw {
  read: string;
  cpu_stats: CpuStats;
  precpu_stats?: CpuStats;
  memory_stats?: { usage?: number; limit?: number; stats?: Record<string, number> };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
  blkio_stats?: { io_service_bytes_recursive?: Array<{ op: string; value: number }> | null };
  pids_stats?: { current?: number };
}

/** The resources that a container used at one moment. */
export interface Sample {
  /** Seconds since 1970. */
  time: number;
  /** Percent of one processor. */
  cpu: number;
  /** Bytes that cannot be given back, as `docker stats` counts them. */
  memory: number;
  /** Bytes; 0: none. */
  limit: number;
  /** Bytes in a second. */
  received: number;
  sent: number;
  read: number;
  written: number;
  processes: number;
}

/** Samples that are kept: some more than two minutes. */
export const MOST_SAMPLES = 130;

interface Totals {
  time: number;
  received: number;
  sent: number;
  read: number;
  written: number;
}

function totals(raw: Raw): Totals {
  const sum = { time: Date.parse(raw.read) / 1000, received: 0, sent: 0, read: 0, written: 0 };
  for (const { rx_bytes, tx_bytes } of Object.values(raw.networks ?? {})) {
    sum.received += rx_bytes;
    sum.sent += tx_bytes;
  }
  for (const { op, value } of raw.blkio_stats?.io_service_bytes_recursive ?? []) {
    if (/^read$/i.test(op)) sum.read += value;
    if (/^write$/i.test(op)) sum.written += value;
  }
  return sum;
}

/** Makes samples of what the engine sends, each with the rates since the one before. */
function sampler(): (raw: Raw) => Sample | undefined {
  let before: Totals | undefined;
  return (raw) => {
    const now = totals(raw);
    // A container that does not run has no time.
    if (!(now.time > 0)) return undefined;
    const passed = before ? now.time - before.time : 0;
    const perSecond = (name: 'received' | 'sent' | 'read' | 'written'): number =>
      before && passed > 0 ? Math.max(0, now[name] - before[name]) / passed : 0;
    const used =
      (raw.cpu_stats.cpu_usage?.total_usage ?? 0) - (raw.precpu_stats?.cpu_usage?.total_usage ?? 0);
    const of = (raw.cpu_stats.system_cpu_usage ?? 0) - (raw.precpu_stats?.system_cpu_usage ?? 0);
    const {
      usage = 0,
      limit = 0,
      stats = {},
    } = (raw.memory_stats ?? {}) as {
      usage?: number;
      limit?: number;
      stats?: Record<string, number>;
    };
    const idle = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
    const sample: Sample = {
      time: now.time,
      cpu: used > 0 && of > 0 ? (used / of) * (raw.cpu_stats.online_cpus ?? 1) * 100 : 0,
      memory: Math.max(0, usage - idle),
      limit,
      received: perSecond('received'),
      sent: perSecond('sent'),
      read: perSecond('read'),
      written: perSecond('written'),
      processes: raw.pids_stats?.current ?? 0,
    };
    before = now;
    return sample;
  };
}

/** Follows what a container uses; returns what ends that. */
export function followStats(id: string, take: (sample: Sample) => void): () => void {
  const sample = sampler();
  const stream = engine.live.open(
    { method: 'GET', path: `/containers/${id}/stats` },
    {
      data: jsonLines((raw) => {
        const next = sample(raw as Raw);
        if (next) take(next);
      }),
    },
  );
  return () => stream.close();
}
