import { readFile } from 'node:fs/promises';
import { NEVER, nowNanos, rfc3339 } from '../../base/time.ts';
import { blkioStats } from '../../runtime/cgroups/stats.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';

type Reading = Record<string, unknown>;

const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};
const NO_BLKIO = blkioStats(null);
const SECOND = 1000;
/** Kernel ticks of /proc/stat are hundredths of a second on every Linux that Node runs on. */
const NANOS_PER_TICK = 10_000_000;

/** Processor time of the whole machine since it started, in nanoseconds, and how many processors are on line. */
async function machineCpu(): Promise<{ system_cpu_usage: number; online_cpus: number }> {
  const text = await readFile('/proc/stat', 'utf8');
  const lines = text.split('\n');
  // user nice system idle iowait irq softirq steal; guest time is within user's.
  const ticks = (lines[0] ?? '')
    .split(/\s+/)
    .slice(1, 8)
    .reduce((sum, value) => sum + Number(value), 0);
  const online = lines.filter((line) => /^cpu\d/.test(line)).length;
  return { system_cpu_usage: ticks * NANOS_PER_TICK, online_cpus: online };
}

async function reading(context: Context, container: Container): Promise<Reading> {
  const { runtime, networks } = context.rooms;
  const mode = container.record.hostConfig.NetworkMode;
  const own = mode !== 'host' && !mode.startsWith('container:');
  const [cgroup, machine, interfaces] = await Promise.all([
    runtime.stats(container.id),
    machineCpu(),
    own ? networks.stats(container.state.pid).catch(() => undefined) : undefined,
  ]);
  return {
    read: rfc3339(nowNanos()),
    preread: NEVER,
    pids_stats: cgroup.pids,
    blkio_stats: cgroup.blkio,
    num_procs: 0,
    storage_stats: {},
    cpu_stats: { ...cgroup.cpu, ...machine },
    precpu_stats: NO_CPU,
    memory_stats: cgroup.memory,
    name: `/${container.record.name}`,
    id: container.id,
    os_type: 'linux',
    ...(interfaces && Object.keys(interfaces).length > 0 && { networks: interfaces }),
  };
}

function nothing(container: Container): Reading {
  return {
    read: NEVER,
    preread: NEVER,
    pids_stats: {},
    blkio_stats: NO_BLKIO,
    num_procs: 0,
    storage_stats: {},
    cpu_stats: NO_CPU,
    precpu_stats: NO_CPU,
    memory_stats: {},
    name: `/${container.record.name}`,
    id: container.id,
    os_type: 'linux',
  };
}

/** Readings as GET /containers/{id}/stats sends them, one a second; zeros while the container does not run. */
export async function* readStats(
  context: Context,
  container: Container,
  { stream, oneShot, signal }: { stream: boolean; oneShot: boolean; signal: AbortSignal },
): AsyncGenerator<Reading> {
  let before: Reading | undefined;
  const take = async () => {
    if (!container.alive) {
      before = undefined;
      return nothing(container);
    }
    try {
      const now = await reading(context, container);
      const told = before ? { ...now, preread: before['read'], precpu_stats: before['cpu_stats'] } : now;
      before = now;
      return told;
    } catch (error) {
      if (container.alive) throw error;
      return nothing(container);
    }
  };
  if (!stream) {
    // Without a first reading to compare with, a client could not tell the load.
    if (!oneShot && container.alive) {
      await take();
      await pause(SECOND, signal);
    }
    if (!signal.aborted) yield await take();
    return;
  }
  while (!signal.aborted && !container.gone.signal.aborted) {
    yield await take();
    await pause(SECOND, signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
