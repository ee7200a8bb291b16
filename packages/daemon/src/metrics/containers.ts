import { readFile } from 'node:fs/promises';
import { parseRfc3339 } from '../base/time.ts';
import type { ContainerSnapshot } from '../containers/api.ts';
import type { CgroupView } from '../runtime/api.ts';
import type { MetricsRooms } from './api.ts';
import type { Family } from './text.ts';

/** So many containers are read at once. */
const AT_ONCE = 8;
/** Interfaces of one container that are shown: the label's values stay few. */
const MOST_INTERFACES = 32;
const SECOND = 1e9;

interface Read {
  labels: Record<string, string>;
  container: ContainerSnapshot;
  view: CgroupView;
  interfaces: Array<{ name: string; values: number[] }>;
}

type Value = (read: Read) => number | null;

/** cAdvisor's names: family, type, help, value. */
const FAMILIES: Array<[name: string, type: Family['type'], help: string, value: Value]> = [
  [
    'container_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed in seconds.',
    ({ view }) => view.Cpu.Usage / SECOND,
  ],
  [
    'container_cpu_cfs_periods_total',
    'counter',
    'Number of elapsed enforcement period intervals.',
    ({ view }) => view.Cpu.Periods,
  ],
  [
    'container_cpu_cfs_throttled_periods_total',
    'counter',
    'Number of throttled period intervals.',
    ({ view }) => view.Cpu.Throttled,
  ],
  [
    'container_cpu_cfs_throttled_seconds_total',
    'counter',
    'Total time duration the container has been throttled.',
    ({ view }) => view.Cpu.ThrottledTime / SECOND,
  ],
  [
    'container_memory_usage_bytes',
    'gauge',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
    ({ view }) => view.Memory.Usage,
  ],
  [
    'container_memory_working_set_bytes',
    'gauge',
    'Current working set in bytes.',
    ({ view }) => Math.max(0, view.Memory.Usage - view.Memory.Cache),
  ],
  [
    'container_memory_cache',
    'gauge',
    'Number of bytes of page cache memory.',
    ({ view }) => view.Memory.Cache,
  ],
  [
    'container_memory_max_usage_bytes',
    'gauge',
    'Maximum memory usage recorded in bytes',
    ({ view }) => view.Memory.Peak,
  ],
  [
    'container_memory_failcnt',
    'untyped',
    'Number of memory usage hits limits',
    ({ view }) => view.Memory.LimitHits,
  ],
  [
    'container_oom_events_total',
    'counter',
    'Count of out of memory events observed for the container',
    ({ view }) => view.Memory.OomKills,
  ],
  [
    'container_spec_memory_limit_bytes',
    'gauge',
    'Memory limit for the container.',
    ({ view }) => view.Memory.Limit ?? 0,
  ],
  ['container_spec_cpu_shares', 'gauge', 'CPU share of the container.', ({ view }) => view.Cpu.Shares],
  [
    'container_threads',
    'gauge',
    'Number of threads running inside the container',
    ({ view }) => view.Pids.Usage,
  ],
  [
    'container_threads_max',
    'gauge',
    'Maximum number of threads allowed inside the container, infinity if value is zero',
    ({ view }) => view.Pids.Limit ?? 0,
  ],
  [
    'container_fs_reads_bytes_total',
    'counter',
    'Cumulative count of bytes read',
    ({ view }) => view.Io.ReadBytes,
  ],
  [
    'container_fs_writes_bytes_total',
    'counter',
    'Cumulative count of bytes written',
    ({ view }) => view.Io.WrittenBytes,
  ],
  [
    'container_start_time_seconds',
    'gauge',
    'Start time of the container since unix epoch in seconds.',
    ({ container }) => Math.floor(Number(parseRfc3339(container.state.startedAt) ?? 0n) / SECOND),
  ],
  [
    'container_last_seen',
    'gauge',
    'Last time a container was seen by the exporter',
    () => Math.floor(Date.now() / 1000),
  ],
];

/** The columns of /proc/net/dev by cAdvisor's names. */
const NETWORK: Array<[name: string, column: number, help: string]> = [
  ['receive_bytes', 0, 'bytes received'],
  ['receive_packets', 1, 'packets received'],
  ['receive_errors', 2, 'errors encountered while receiving'],
  ['receive_packets_dropped', 3, 'packets dropped while receiving'],
  ['transmit_bytes', 8, 'bytes transmitted'],
  ['transmit_packets', 9, 'packets transmitted'],
  ['transmit_errors', 10, 'errors encountered while transmitting'],
  ['transmit_packets_dropped', 11, 'packets dropped while transmitting'],
];

/** Metrics of the running containers. Labels are id, name and image alone: a container's own labels are without number. */
export async function containerFamilies({ containers, runtime }: MetricsRooms): Promise<Family[]> {
  const waiting = containers.all().filter(({ state }) => state.pid > 0);
  const reads: Read[] = [];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = waiting.pop(); next; next = waiting.pop()) {
        const [view, interfaces] = await Promise.all([
          runtime.view(next.record.id).catch(() => undefined),
          interfacesOf(next),
        ]);
        if (!view) continue; // it ended meanwhile
        const labels = { id: view.Path, image: next.record.imageName, name: next.record.name };
        reads.push({ labels, container: next, view, interfaces });
      }
    }),
  );
  const own = FAMILIES.map(
    ([name, type, help, value]): Family => ({
      name,
      type,
      help,
      samples: reads.map((read) => ({ labels: read.labels, value: value(read) ?? 0 })),
    }),
  );
  const network = NETWORK.map(
    ([name, column, help]): Family => ({
      name: `container_network_${name}_total`,
      type: 'counter',
      help: `Cumulative count of ${help}`,
      samples: reads.flatMap(({ labels, interfaces }) =>
        interfaces.map(({ name: device, values }) => ({
          labels: { ...labels, interface: device },
          value: values[column] ?? 0,
        })),
      ),
    }),
  );
  return [...own, ...network];
}

async function interfacesOf({ state, record }: ContainerSnapshot): Promise<Read['interfaces']> {
  // The host's interfaces, and another container's, are not this one's.
  const mode = record.hostConfig.NetworkMode;
  if (mode === 'host' || mode.startsWith('container:')) return [];
  const text = await readFile(`/proc/${state.pid}/net/dev`, 'utf8').catch(() => '');
  return [...text.matchAll(/^\s*([^\s:]+):\s*(.+)$/gm)]
    .filter(([, name]) => name !== 'lo')
    .slice(0, MOST_INTERFACES)
    .map(([, name, values]) => ({ name: name!, values: values!.trim().split(/\s+/).map(Number) }));
}
