import { members, type Rooms } from '../context.ts';
import type { Message } from '../messages.ts';
import { containerState, stateOfMember } from '../views.ts';
import { filteredPods } from './sandboxes.ts';

type Numbers = Record<string, number>;
type Interfaces = Record<string, Numbers>;
type CgroupNumbers = Awaited<ReturnType<Rooms['runtime']['stats']>>;

const COUNTER = 0;
const GAUGE = 1;
const NANOS = 1e9;

interface Described {
  name: string;
  help: string;
  type: number;
  labels: string[];
}

interface OfContainer extends Described {
  read: (numbers: CgroupNumbers) => number;
}

const memory = (name: string, otherwise: string) => (numbers: CgroupNumbers) => {
  const stats = (numbers.memory['stats'] ?? {}) as Numbers;
  return stats[name] ?? stats[otherwise] ?? 0;
};
const cpu = (name: string) => (numbers: CgroupNumbers) =>
  ((numbers.cpu['cpu_usage'] as Numbers)[name] ?? 0) / NANOS;
const LABELS = ['id', 'name', 'container'];

/** The metrics of each container, by the names that cAdvisor has for them. */
const OF_CONTAINER: OfContainer[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    help: 'CPU time consumed, in seconds',
    type: COUNTER,
    read: cpu('total_usage'),
  },
  {
    name: 'container_cpu_user_seconds_total',
    help: 'CPU time consumed by programs, in seconds',
    type: COUNTER,
    read: cpu('usage_in_usermode'),
  },
  {
    name: 'container_cpu_system_seconds_total',
    help: 'CPU time consumed in the kernel, in seconds',
    type: COUNTER,
    read: cpu('usage_in_kernelmode'),
  },
  {
    name: 'container_memory_usage_bytes',
    help: 'Memory in use, in bytes',
    type: GAUGE,
    read: ({ memory: { usage } }: CgroupNumbers) => Number(usage ?? 0),
  },
  {
    name: 'container_memory_working_set_bytes',
    help: 'Memory in use that cannot be had back at once, in bytes',
    type: GAUGE,
    read: (numbers: CgroupNumbers) =>
      Math.max(
        0,
        Number(numbers.memory['usage'] ?? 0) - memory('total_inactive_file', 'inactive_file')(numbers),
      ),
  },
  {
    name: 'container_memory_rss',
    help: 'Memory of programs without files behind it, in bytes',
    type: GAUGE,
    read: memory('total_rss', 'anon'),
  },
  {
    name: 'container_memory_cache',
    help: 'Memory of cached files, in bytes',
    type: GAUGE,
    read: memory('total_cache', 'file'),
  },
  {
    name: 'container_memory_failures_total',
    help: 'Page faults',
    type: COUNTER,
    read: memory('total_pgfault', 'pgfault'),
  },
  {
    name: 'container_spec_memory_limit_bytes',
    help: 'Limit of memory, in bytes',
    type: GAUGE,
    read: ({ memory: { limit } }: CgroupNumbers) => Number(limit ?? 0),
  },
  {
    name: 'container_processes',
    help: 'Processes',
    type: GAUGE,
    read: ({ pids }: CgroupNumbers) => Number(pids['current'] ?? 0),
  },
].map((metric) => ({ ...metric, labels: LABELS }));

const OF_POD: Array<Described & { counter: string }> = [
  ['container_network_receive_bytes_total', 'Bytes received', 'rx_bytes'],
  ['container_network_receive_packets_total', 'Packets received', 'rx_packets'],
  ['container_network_receive_errors_total', 'Errors while receiving', 'rx_errors'],
  ['container_network_receive_packets_dropped_total', 'Packets dropped while receiving', 'rx_dropped'],
  ['container_network_transmit_bytes_total', 'Bytes sent', 'tx_bytes'],
  ['container_network_transmit_packets_total', 'Packets sent', 'tx_packets'],
  ['container_network_transmit_errors_total', 'Errors while sending', 'tx_errors'],
  ['container_network_transmit_packets_dropped_total', 'Packets dropped while sending', 'tx_dropped'],
].map(([name = '', help = '', counter = '']) => ({
  name,
  help,
  counter,
  type: COUNTER,
  labels: ['id', 'name', 'interface'],
}));

/** Answers ListMetricDescriptors: names, help and labels of the metrics that `listPodSandboxMetrics` gives. */
export async function listMetricDescriptors(): Promise<Message> {
  return {
    descriptors: [...OF_CONTAINER, ...OF_POD].map(({ name, help, labels }) => ({
      name,
      help,
      label_keys: labels,
    })),
  };
}

function metric({ name, type }: Described, labels: string[], value: number): Message {
  return {
    name,
    timestamp: `${BigInt(Date.now()) * 1_000_000n}`,
    metric_type: type,
    label_values: labels,
    value: { value: Math.max(0, Math.round(value)) },
  };
}

/**
 * Answers ListPodSandboxMetrics for pods that run. Numbers that can't be read, of a container that ends meanwhile, are left
 * out.
 */
export async function listPodSandboxMetrics(rooms: Rooms): Promise<Message> {
  const pods = filteredPods(rooms, { state: { state: 0 } });
  return {
    pod_metrics: await Promise.all(
      pods.map(async (pod) => {
        const path = rooms.pods.networkNamespace(pod);
        const interfaces: Interfaces = path
          ? await rooms.networks.statsAt(path).catch((): Interfaces => ({}))
          : {};
        const running = members(rooms, pod.id).filter((one) => stateOfMember(one) === containerState.running);
        const containers = await Promise.all(
          running.map(async ({ snapshot: { record }, told }) => {
            const numbers = await rooms.runtime.stats(record.id).catch(() => undefined);
            const labels = [record.id, record.name, told.name];
            return {
              container_id: record.id,
              metrics: numbers ? OF_CONTAINER.map((one) => metric(one, labels, one.read(numbers))) : [],
            };
          }),
        );
        return {
          pod_sandbox_id: pod.id,
          metrics: Object.entries(interfaces).flatMap(([name, counters]) =>
            OF_POD.map((one) => metric(one, [pod.id, pod.fullName, name], counters[one.counter] ?? 0)),
          ),
          container_metrics: containers,
        };
      }),
    ),
  };
}
