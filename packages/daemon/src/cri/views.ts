import { parseRfc3339 } from '../base/time.ts';
import type { IdRange, PodRecord, Pods } from '../pods/api.ts';
import type { Member, Rooms } from './context.ts';
import type { Message } from './messages.ts';
import { signalNumber } from './translate/signals.ts';

const podState = { ready: 0, notReady: 1 } as const;
export const containerState = { created: 0, running: 1, exited: 2, unknown: 3 } as const;
const MODES = { pod: 0, container: 1, node: 2 } as const;

/** A time as the interface has it: nanoseconds since the epoch, 0 for never. */
export function nanoseconds(time: string): string {
  const parsed = parseRfc3339(time) ?? 0n;
  return String(parsed < 0n ? 0n : parsed);
}

const mappings = (ranges: IdRange[]): Message[] =>
  ranges.map(({ containerID, hostID, size }) => ({
    host_id: hostID,
    container_id: containerID,
    length: size,
  }));

/** A pod's state is that of its namespaces. */
export const stateOf = (pods: Pods, pod: PodRecord): number =>
  pods.ready(pod) ? podState.ready : podState.notReady;

function podMetadata({ config: { name, uid, namespace, attempt } }: PodRecord): Message {
  return { name, uid, namespace, attempt };
}

/** PodSandboxStatus. */
export function podStatus(pods: Pods, pod: PodRecord): Message {
  const { config } = pod;
  const [ip = '', ...more] = pods.ready(pod) ? pod.addresses : [];
  return {
    id: pod.id,
    metadata: podMetadata(pod),
    state: stateOf(pods, pod),
    created_at: nanoseconds(pod.created),
    network: { ip, additional_ips: more.map((address) => ({ ip: address })) },
    linux: {
      namespaces: {
        options: {
          network: MODES[config.network],
          pid: MODES[config.pid],
          ipc: MODES[config.ipc],
          ...(config.users && {
            userns_options: {
              mode: MODES.pod,
              uids: mappings(config.users.uids),
              gids: mappings(config.users.gids),
            },
          }),
        },
      },
    },
    labels: config.labels,
    annotations: config.annotations,
    runtime_handler: config.handler,
  };
}

/** PodSandbox, an entry of a list. */
export function podSummary(pods: Pods, pod: PodRecord): Message {
  const { config } = pod;
  return {
    id: pod.id,
    metadata: podMetadata(pod),
    state: stateOf(pods, pod),
    created_at: nanoseconds(pod.created),
    labels: config.labels,
    annotations: config.annotations,
    runtime_handler: config.handler,
  };
}

/** A container's state in CRI's numbers (ContainerState), which knows no paused or restarting ones. */
export function stateOfMember({ snapshot: { state } }: Member): number {
  switch (state.status) {
    case 'running':
    case 'paused':
    case 'restarting':
      return containerState.running;
    case 'created':
      // One whose start failed is through.
      return state.error === '' ? containerState.created : containerState.exited;
    default:
      return containerState.exited;
  }
}

const metadata = ({ told: { name, attempt } }: Member): Message => ({ name, attempt });

const imageSpec = ({ told }: Member): Message => ({ ...told.image });

/** Container, an entry of a list. */
export function containerSummary(member: Member): Message {
  const { snapshot, told, pod } = member;
  return {
    id: snapshot.record.id,
    pod_sandbox_id: pod,
    metadata: metadata(member),
    image: imageSpec(member),
    image_ref: told.imageId,
    image_id: told.imageId,
    state: stateOfMember(member),
    created_at: nanoseconds(snapshot.record.created),
    labels: told.labels,
    annotations: told.annotations,
  };
}

/** ContainerStatus. */
export function containerStatus({ images }: Rooms, member: Member): Message {
  const { snapshot, told } = member;
  const { record, state } = snapshot;
  const shown = stateOfMember(member);
  const exited = shown === containerState.exited;
  const image = images.get(told.imageId);
  const user = record.pod?.user;
  return {
    id: record.id,
    metadata: metadata(member),
    state: shown,
    created_at: nanoseconds(record.created),
    started_at: nanoseconds(state.startedAt),
    finished_at: exited ? finishedAt(member) : '0',
    exit_code: exited ? state.exitCode : 0,
    image: {
      ...imageSpec(member),
      image: told.image.user_specified_image || image?.repoTags[0] || told.image.image,
    },
    image_ref: image?.repoDigests[0] ?? told.imageId,
    image_id: told.imageId,
    reason: exited ? reason(member) : '',
    message: state.error,
    labels: told.labels,
    annotations: told.annotations,
    mounts: told.mounts,
    log_path: told.logPath,
    resources: { linux: told.resources ?? {} },
    ...(user && { user: { linux: { uid: user.uid, gid: user.gid, supplemental_groups: user.groups } } }),
    stop_signal: told.stopSignal || signalNumber(record.config.StopSignal) || SIGTERM,
  };
}

/** SIGTERM's number in the interface. */
const SIGTERM = signalNumber('SIGTERM');

/** A container that could not be started ended when that was tried, which its state does not tell. */
function finishedAt({ snapshot: { state, record } }: Member): string {
  const finished = nanoseconds(state.finishedAt);
  return finished === '0' ? nanoseconds(record.created) : finished;
}

function reason({ snapshot: { state } }: Member): string {
  if (state.status === 'created') return 'StartError';
  if (state.oomKilled) return 'OOMKilled';
  return state.exitCode === 0 ? 'Completed' : 'Error';
}
