import { needed, texts } from '../checks.ts';
import { findMember, findPod, type Member, members, type Rooms, selected } from '../context.ts';
import type { Message } from '../messages.ts';
import { containerState, stateOfMember } from '../views.ts';
import { filteredPods } from './sandboxes.ts';

type Numbers = Record<string, number>;
type Interfaces = Record<string, Numbers>;
type CgroupNumbers = Awaited<ReturnType<Rooms['runtime']['stats']>>;

interface Sample {
  at: number;
  used: number;
}

/** The last two readings of each cgroup's CPU time: their difference is its rate. */
const samples = new Map<string, Sample[]>();
/** Readings nearer to each other say little, in milliseconds. */
const INTERVAL = 1000;

function rate(key: string, used: number): number {
  const now = Date.now();
  const known = samples.get(key) ?? [];
  const last = known.at(-1);
  if (!last || now - last.at >= INTERVAL) samples.set(key, [...known.slice(-1), { at: now, used }]);
  const before = (samples.get(key) ?? [])[0]!;
  if (now <= before.at) return 0;
  return Math.max(0, Math.round((used - before.used) / ((now - before.at) / 1000)));
}

/** Forgets the readings of what is gone. */
export function forgetSamples(key: string): void {
  samples.delete(key);
}

const stamp = (): string => `${BigInt(Date.now()) * 1_000_000n}`;
const value = (number: number): Message => ({ value: Math.max(0, number) });

type Waits = Awaited<ReturnType<Rooms['runtime']['view']>>['Pressure'];

/** PsiStats of one resource: how much time tasks waited for it. */
function psi(pressure: Waits[keyof Waits]): Message | undefined {
  if (!pressure) return undefined;
  const { Some, Full } = pressure;
  return { Some, ...(Full && { Full }) };
}

function cpuUsage(key: string, { cpu }: CgroupNumbers, waits: Waits = {}): Message {
  const used = (cpu['cpu_usage'] as Numbers)['total_usage'] ?? 0;
  return {
    timestamp: stamp(),
    usage_core_nano_seconds: value(used),
    usage_nano_cores: value(rate(key, used)),
    ...(waits.Cpu && { psi: psi(waits.Cpu) }),
  };
}

function memoryUsage({ memory }: CgroupNumbers, waits: Waits = {}): Message {
  const stats = (memory['stats'] ?? {}) as Numbers;
  const usage = Number(memory['usage'] ?? 0);
  const limit = Number(memory['limit'] ?? 0);
  // The names of cgroup v1 are totals of what is below.
  const inactive = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  const working = Math.max(0, usage - inactive);
  return {
    timestamp: stamp(),
    working_set_bytes: value(working),
    available_bytes: value(limit > 0 ? limit - working : 0),
    usage_bytes: value(usage),
    rss_bytes: value(stats['total_rss'] ?? stats['anon'] ?? 0),
    page_faults: value(stats['total_pgfault'] ?? stats['pgfault'] ?? 0),
    major_page_faults: value(stats['total_pgmajfault'] ?? stats['pgmajfault'] ?? 0),
    ...(waits.Memory && { psi: psi(waits.Memory) }),
  };
}

async function readCgroup(rooms: Rooms, { snapshot }: Member): Promise<CgroupNumbers | undefined> {
  return rooms.runtime.stats(snapshot.record.id).catch(() => undefined);
}

/** How tasks of a container waited; cgroup v1 has it of the whole machine alone. */
async function readWaits({ runtime }: Rooms, { snapshot }: Member): Promise<Waits> {
  if (runtime.cgroupVersion === 1) return {};
  return runtime.view(snapshot.record.id).then(
    ({ Pressure }) => Pressure,
    () => ({}),
  );
}

/** ContainerStats of one container. */
async function statsOf(rooms: Rooms, one: Member): Promise<Message> {
  const { record } = one.snapshot;
  const running = stateOfMember(one) === containerState.running;
  const [cgroup, waits, size] = await Promise.all([
    running ? readCgroup(rooms, one) : undefined,
    running ? readWaits(rooms, one) : ({} as Waits),
    rooms.layers.writableSize(record.id).catch(() => ({ rw: 0 })),
  ]);
  return {
    attributes: {
      id: record.id,
      metadata: { name: one.told.name, attempt: one.told.attempt },
      labels: one.told.labels,
      annotations: one.told.annotations,
    },
    ...(cgroup && {
      cpu: cpuUsage(record.id, cgroup, waits),
      memory: memoryUsage(cgroup, waits),
      ...(waits.Io && { io: { timestamp: stamp(), psi: psi(waits.Io) } }),
      ...(cgroup.swap !== undefined && {
        swap: {
          timestamp: stamp(),
          swap_usage_bytes: value(cgroup.swap),
          ...swapAvailable(one, cgroup.swap),
        },
      }),
    }),
    writable_layer: {
      timestamp: stamp(),
      fs_id: { mountpoint: rooms.settings.dataRoot },
      used_bytes: value(size.rw),
    },
  };
}

/** The swap's share of the limit that the client gave, which is of memory and swap together. */
function swapAvailable({ snapshot: { record } }: Member, used: number): Message {
  const { Memory, MemorySwap } = record.hostConfig;
  return MemorySwap > 0 ? { swap_available_bytes: value(MemorySwap - Memory - used) } : {};
}

/** Answers ContainerStats; without numbers of a cgroup when the container does not run. @throws not-found */
export async function containerStats(rooms: Rooms, request: Message): Promise<Message> {
  return { stats: await statsOf(rooms, findMember(rooms, request['container_id'])) };
}

/** Answers ListContainerStats for containers that run. @throws invalid-parameter for a filter */
export async function listContainerStats(rooms: Rooms, request: Message): Promise<Message> {
  const filter = request['filter'] as Message | null;
  const id = filter?.['id'] ? needed(filter['id'], 'filter.id', 256) : '';
  const pod = filter?.['pod_sandbox_id']
    ? needed(filter['pod_sandbox_id'], 'filter.pod_sandbox_id', 256)
    : '';
  const selector = texts(filter?.['label_selector'], 'filter.label_selector');
  const chosen = members(rooms)
    .filter((one) => stateOfMember(one) === containerState.running)
    .filter((one) => one.snapshot.record.id.startsWith(id) && one.pod.startsWith(pod))
    .filter(({ told }) => selected(told.labels, selector));
  return { stats: await Promise.all(chosen.map((one) => statsOf(rooms, one))) };
}

function sum(readings: CgroupNumbers[]): CgroupNumbers {
  const total = { usage: 0, limit: 0, stats: {} as Numbers };
  let used = 0;
  let processes = 0;
  for (const { cpu, memory, pids } of readings) {
    used += (cpu['cpu_usage'] as Numbers)['total_usage'] ?? 0;
    processes += Number(pids['current'] ?? 0);
    total.usage += Number(memory['usage'] ?? 0);
    for (const [name, number] of Object.entries((memory['stats'] ?? {}) as Numbers))
      total.stats[name] = (total.stats[name] ?? 0) + number;
  }
  return {
    cpu: { cpu_usage: { total_usage: used } },
    memory: total,
    pids: { current: processes },
    blkio: {},
  };
}

/** PodSandboxStats of one pod: its own cgroup's numbers, or those of its containers together. */
async function statsOfPod(rooms: Rooms, id: string): Promise<Message> {
  const pod = rooms.pods.get(id);
  const { config } = pod;
  const running = members(rooms, id).filter((one) => stateOfMember(one) === containerState.running);
  const containers = await Promise.all(running.map((one) => statsOf(rooms, one)));
  const readings = await Promise.all(running.map((one) => readCgroup(rooms, one)));
  const parent = config.cgroupParent ? await rooms.runtime.parentStats(config.cgroupParent) : undefined;
  const together = sum(readings.filter((reading) => reading !== undefined));
  const cgroup = parent ?? together;
  const path = rooms.pods.ready(pod) ? rooms.pods.networkNamespace(pod) : '';
  const interfaces: Interfaces = path ? await rooms.networks.statsAt(path).catch((): Interfaces => ({})) : {};
  const usage = Object.entries(interfaces).map(([name, counters]) => ({
    name,
    rx_bytes: value(counters['rx_bytes'] ?? 0),
    rx_errors: value(counters['rx_errors'] ?? 0),
    tx_bytes: value(counters['tx_bytes'] ?? 0),
    tx_errors: value(counters['tx_errors'] ?? 0),
  }));
  const main = usage.find(({ name }) => name === 'eth0') ?? usage[0];
  return {
    attributes: {
      id,
      metadata: { name: config.name, uid: config.uid, namespace: config.namespace, attempt: config.attempt },
      labels: config.labels,
      annotations: config.annotations,
    },
    linux: {
      cpu: cpuUsage(id, cgroup),
      memory: memoryUsage(cgroup),
      ...(main && {
        network: {
          timestamp: stamp(),
          default_interface: main,
          interfaces: usage.filter((one) => one !== main),
        },
      }),
      process: { timestamp: stamp(), process_count: value(Number(together.pids['current'] ?? 0)) },
      containers,
    },
  };
}

/** Answers PodSandboxStats. @throws not-found */
export async function podSandboxStats(rooms: Rooms, request: Message): Promise<Message> {
  return { stats: await statsOfPod(rooms, findPod(rooms, request['pod_sandbox_id']).id) };
}

/** Answers ListPodSandboxStats for pods that run. @throws invalid-parameter for a filter */
export async function listPodSandboxStats(rooms: Rooms, request: Message): Promise<Message> {
  const filter = request['filter'] as Message | null;
  const pods = filteredPods(rooms, filter && { ...filter, state: { state: 0 } });
  return { stats: await Promise.all(pods.map(({ id }) => statsOfPod(rooms, id))) };
}
