import { conflict, isKind } from '../../base/errors.ts';
import { choice, needed, noWindows, ofField, refuse, texts, within } from '../checks.ts';
import { findMember, findPod, type Member, member, members, type Rooms, selected } from '../context.ts';
import type { ContainerConfig, LinuxResources, Message } from '../messages.ts';
import { containerCreate, type Told } from '../translate/container.ts';
import { limits } from '../translate/resources.ts';
import { containerState, containerStatus, containerSummary, stateOfMember } from '../views.ts';

/** Seconds that a stop may be asked to wait at most. */
const TIMEOUT_MAX = 2 ** 31;

/**
 * Answers CreateContainer with the new container's id. Nothing is left of it when its pod goes meanwhile.
 * @throws not-found for the pod or image; conflict when the pod, or the container whose processes are shared, does not run;
 * invalid-parameter
 */
export async function createContainer(rooms: Rooms, request: Message): Promise<Message> {
  const pod = findPod(rooms, request['pod_sandbox_id']);
  if (!rooms.pods.ready(pod)) throw conflict(`pod_sandbox_id: pod ${pod.id} does not run`);
  const config = request['config'] as ContainerConfig | null;
  const options = containerCreate(config, pod, (name) => rooms.images.resolve(name));
  checkMachine(rooms, config?.linux?.resources, 'config.linux.resources');
  const target = options.body.HostConfig?.['PidMode'] as string;
  if (target.startsWith('container:') && target !== `container:${pod.id}`) {
    const field = 'config.linux.security_context.namespace_options.target_id';
    const other = findMember(rooms, target.slice('container:'.length), field);
    if (other.pod !== pod.id) throw refuse(field, 'it is no container of this pod');
    if (stateOfMember(other) !== containerState.running)
      throw conflict(`${field}: the container does not run`);
  }
  const { Id } = await rooms.containers.create(options);
  // Its pod may have gone meanwhile, and would have taken it along.
  if (rooms.pods.find(pod.id) === undefined) {
    await rooms.containers.remove(Id, { force: true, volumes: true }).catch(() => undefined);
    throw conflict(`pod_sandbox_id: pod ${pod.id} was removed`);
  }
  return { container_id: Id };
}

/** Answers StartContainer. @throws not-found; conflict for a container that was started before: CRI starts each once */
export async function startContainer(rooms: Rooms, request: Message): Promise<Message> {
  const one = findMember(rooms, request['container_id']);
  const { id } = one.snapshot.record;
  if (stateOfMember(one) !== containerState.created)
    throw conflict(`container_id: container ${id} was started before; make a new one instead`);
  await rooms.containers.start(id);
  return {};
}

/**
 * Answers StopContainer; `timeout` is in seconds. One that is gone or has ended is stopped already (CRI: idempotent).
 * @throws invalid-parameter
 */
export async function stopContainer(rooms: Rooms, request: Message): Promise<Message> {
  const timeout = within(request['timeout'], 'timeout', -TIMEOUT_MAX, TIMEOUT_MAX);
  const one = knownMember(rooms, request);
  if (one) await stopMember(rooms, one, Math.max(timeout, 0));
  return {};
}

/** A container by what it is called, or none: it need not be there to be stopped or removed. */
function knownMember(rooms: Rooms, request: Message): Member | undefined {
  try {
    return findMember(rooms, request['container_id']);
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined;
    throw error;
  }
}

/** Ends what a container runs; `timeout` in seconds, 0: at once. */
export async function stopMember({ containers }: Rooms, one: Member, timeout: number): Promise<void> {
  const { id } = one.snapshot.record;
  try {
    if (timeout === 0) await containers.stop(id, { timeout: 0, signal: 'SIGKILL' });
    else await containers.stop(id, { timeout });
  } catch (error) {
    if (!isKind(error, 'not-modified') && !isKind(error, 'not-found')) throw error;
  }
}

/** Answers RemoveContainer, which ends what still runs. One that is gone is removed already (CRI: idempotent). */
export async function removeContainer(rooms: Rooms, request: Message): Promise<Message> {
  const one = knownMember(rooms, request);
  if (one) await removeMember(rooms, one);
  return {};
}

/**
 * Removes a container with its anonymous volumes, by force, and resolves when it is gone: also where another removal is under
 * way.
 */
export async function removeMember({ containers }: Rooms, one: Member): Promise<void> {
  const { id } = one.snapshot.record;
  try {
    await containers.remove(id, { force: true, volumes: true });
  } catch (error) {
    if (isKind(error, 'not-found')) return;
    if (!isKind(error, 'conflict') || !containers.find(id)) throw error;
    // Another removal is under way.
    await containers.wait(id, 'removed').done;
  }
}

/** Answers ListContainers. @throws invalid-parameter for a filter */
export async function listContainers(rooms: Rooms, request: Message): Promise<Message> {
  return { containers: filteredMembers(rooms, request['filter'] as Message | null).map(containerSummary) };
}

/** The containers that a filter lets through. @throws invalid-parameter */
function filteredMembers(rooms: Rooms, filter: Message | null): Member[] {
  const id = filter?.['id'] ? needed(filter['id'], 'filter.id', 256) : '';
  const pod = filter?.['pod_sandbox_id']
    ? needed(filter['pod_sandbox_id'], 'filter.pod_sandbox_id', 256)
    : '';
  const selector = texts(filter?.['label_selector'], 'filter.label_selector');
  const state = filter?.['state'] as { state: number } | null | undefined;
  if (state) choice(state.state, 'filter.state', ['created', 'running', 'exited', 'unknown']);
  return members(rooms)
    .filter(({ snapshot }) => id === '' || snapshot.record.id.startsWith(id))
    .filter((one) => pod === '' || one.pod.startsWith(pod))
    .filter((one) => !state || stateOfMember(one) === state.state)
    .filter(({ told }) => selected(told.labels, selector));
}

/** Answers ContainerStatus; `verbose` adds the process and the configuration as JSON. @throws not-found */
export async function status(rooms: Rooms, request: Message): Promise<Message> {
  const one = findMember(rooms, request['container_id']);
  const { record, state } = one.snapshot;
  return {
    status: containerStatus(rooms, one),
    info:
      request['verbose'] === true
        ? {
            info: JSON.stringify({
              sandboxID: one.pod,
              pid: state.pid,
              config: record.config,
              hostConfig: record.hostConfig,
            }),
          }
        : {},
  };
}

/**
 * Answers UpdateContainerResources; limits that are not named stay.
 * @throws not-found; conflict when the container has ended; invalid-parameter
 */
export async function updateResources(rooms: Rooms, request: Message): Promise<Message> {
  const one = findMember(rooms, request['container_id']);
  const { id } = one.snapshot.record;
  const shown = stateOfMember(one);
  if (shown === containerState.exited) throw conflict(`container_id: container ${id} has ended`);
  const given = request['linux'] as LinuxResources | null;
  noWindows(request['windows'], 'windows');
  // They mean what clients and plugins agree upon, of which there is nothing here; containerd hands them to its plugins.
  texts(request['annotations'], 'annotations');
  const { host, unified, hugepages, oomScoreAdj } = limits(given, 'linux');
  checkMachine(rooms, given, 'linux');
  // Limits that are not named stay as they are.
  const changed = Object.fromEntries(Object.entries(host).filter(([, value]) => value !== 0 && value !== ''));
  const old = one.told.resources;
  const resources = given && old ? { ...old, ...named(given) } : given;
  await rooms.containers.updateMember(id, {
    resources: changed,
    unified,
    hugepages,
    ...(oomScoreAdj !== 0 && { oomScoreAdj }),
    told: { ...one.told, resources } satisfies Told,
  });
  return {};
}

/** The limits that depend on the machine, in the words of the engine. */
const OF_MACHINE = [
  ['memory_limit_in_bytes', 'Memory'],
  ['cpu_quota', 'CpuQuota'],
  ['cpuset_cpus', 'CpusetCpus'],
  ['cpuset_mems', 'CpusetMems'],
] as const;
const NOTHING_ELSE = {
  sysctls: {},
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  ulimits: [],
  devices: [],
  deviceCgroupRules: [],
  privileged: false,
};

/** Limits that this machine can't apply. @throws invalid-parameter naming the field */
function checkMachine({ runtime }: Rooms, given: LinuxResources | null | undefined, field: string): void {
  if (!given) return;
  if (runtime.cgroupVersion === 1 && Object.keys(given.unified).length > 0)
    throw refuse(`${field}.unified`, 'it names files of cgroup v2, and this machine has v1');
  for (const [name, limit] of OF_MACHINE) {
    if (!given[name] || given[name] === -1) continue;
    const request = { ...NOTHING_ELSE, resources: { [limit]: given[name] } };
    ofField(`${field}.${name}`, () => runtime.validate(request, { update: true }));
  }
}

function named(given: LinuxResources): Partial<LinuxResources> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) =>
      typeof value === 'object' ? Object.keys(value as object).length > 0 : value !== 0 && value !== '',
    ),
  );
}

/**
 * Answers ReopenContainerLog: the log goes on in a new file, after the kubelet has moved the old one.
 * @throws not-found; conflict when the container does not run
 */
export async function reopenLog(rooms: Rooms, request: Message): Promise<Message> {
  const one = findMember(rooms, request['container_id']);
  if (stateOfMember(one) !== containerState.running)
    throw conflict(`container_id: container ${one.snapshot.record.id} does not run`);
  await rooms.containers.reopenLog(one.snapshot.record.id);
  return {};
}

export { member };
