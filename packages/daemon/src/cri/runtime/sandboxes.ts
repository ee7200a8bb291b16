import { conflict, isKind } from '../../base/errors.ts';
import type { PodRecord } from '../../pods/api.ts';
import { choice, needed, refuse, text, texts } from '../checks.ts';
import { findPod, members, type Rooms, selected } from '../context.ts';
import type { LinuxResources, Message, PodSandboxConfig } from '../messages.ts';
import { limits } from '../translate/resources.ts';
import { podConfig } from '../translate/sandbox.ts';
import { containerStatus, podStatus, podSummary, stateOf } from '../views.ts';
import { removeMember, stopMember } from './containers.ts';
import { handlerNames, isOwn } from './handlers.ts';

/**
 * Answers RunPodSandbox with the new pod's id.
 * @throws invalid-parameter, for a runtime that is not known too; conflict when the pod exists
 */
export async function runPodSandbox(rooms: Rooms, request: Message): Promise<Message> {
  const handler = text(request['runtime_handler'], 'runtime_handler', 253);
  if (handler !== '' && !handlerNames(rooms).includes(handler))
    throw refuse('runtime_handler', `there is no runtime ${JSON.stringify(handler)}`);
  const config = podConfig(request['config'] as PodSandboxConfig | null, handler);
  if (config.users && !isOwn(rooms, handler))
    throw refuse('runtime_handler', `the runtime ${JSON.stringify(handler)} has no user namespaces here`);
  const { overhead = null, resources = null } = (request['config'] as PodSandboxConfig).linux ?? {};
  limits(overhead, 'config.linux.overhead');
  limits(resources, 'config.linux.resources');
  const pod = await rooms.pods.run(config, overhead || resources ? { overhead, resources } : undefined);
  return { pod_sandbox_id: pod.id };
}

/** A pod by what it is called, or none: it need not be there to be stopped or removed. */
function podIfAny(rooms: Rooms, request: Message): PodRecord | undefined {
  try {
    return findPod(rooms, request['pod_sandbox_id']);
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined;
    throw error;
  }
}

/**
 * Answers StopPodSandbox: kills the pod's containers and takes its network down. One that is gone is stopped already (CRI:
 * idempotent).
 */
export async function stopPodSandbox(rooms: Rooms, request: Message): Promise<Message> {
  const pod = podIfAny(rooms, request);
  if (pod) await stopPod(rooms, pod);
  return {};
}

async function stopPod(rooms: Rooms, { id }: PodRecord): Promise<void> {
  await Promise.all(members(rooms, id).map((one) => stopMember(rooms, one, 0)));
  await rooms.pods.stop(id);
}

/**
 * Answers RemovePodSandbox, which stops the pod and removes its containers first. One that is gone is removed already (CRI:
 * idempotent).
 */
export async function removePodSandbox(rooms: Rooms, request: Message): Promise<Message> {
  const pod = podIfAny(rooms, request);
  if (!pod) return {};
  await stopPod(rooms, pod);
  await Promise.all(members(rooms, pod.id).map((one) => removeMember(rooms, one)));
  await rooms.pods.remove(pod.id);
  return {};
}

/**
 * A pod's cgroup is the client's, who has changed it when this is called: what is asked for is checked and kept, to be shown by a
 * verbose status. containerd and CRI-O hand it to their plugins beside, and write no cgroup by it either.
 */
export async function updateResources(rooms: Rooms, request: Message): Promise<Message> {
  const pod = findPod(rooms, request['pod_sandbox_id']);
  const { overhead, resources } = request as Record<string, LinuxResources | null>;
  limits(overhead, 'overhead');
  limits(resources, 'resources');
  if (!rooms.pods.ready(pod)) throw conflict(`pod_sandbox_id: pod ${pod.id} does not run`);
  await rooms.pods.keepLimits(pod.id, { overhead, resources });
  return {};
}

/**
 * Answers PodSandboxStatus with the states of the pod's containers; `verbose` adds configuration and record as JSON.
 * @throws not-found
 */
export async function podSandboxStatus(rooms: Rooms, request: Message): Promise<Message> {
  const pod = findPod(rooms, request['pod_sandbox_id']);
  return {
    status: podStatus(rooms.pods, pod),
    info: request['verbose'] === true ? { info: JSON.stringify({ config: pod.config, record: pod }) } : {},
    containers_statuses: members(rooms, pod.id).map((one) => containerStatus(rooms, one)),
    timestamp: `${BigInt(Date.now()) * 1_000_000n}`,
  };
}

/** Answers ListPodSandbox. @throws invalid-parameter for a filter */
export async function listPodSandbox(rooms: Rooms, request: Message): Promise<Message> {
  const pods = filteredPods(rooms, request['filter'] as Message | null);
  return { items: pods.map((pod) => podSummary(rooms.pods, pod)) };
}

/** The pods that a filter lets through. @throws invalid-parameter */
export function filteredPods(rooms: Rooms, filter: Message | null): PodRecord[] {
  const id = filter?.['id'] ? needed(filter['id'], 'filter.id', 256) : '';
  const selector = texts(filter?.['label_selector'], 'filter.label_selector');
  const state = filter?.['state'] as { state: number } | null | undefined;
  if (state) choice(state.state, 'filter.state', ['ready', 'notready']);
  return rooms.pods
    .all()
    .filter((pod) => id === '' || pod.id.startsWith(id))
    .filter((pod) => !state || stateOf(rooms.pods, pod) === state.state)
    .filter((pod) => selected(pod.config.labels, selector));
}
