import { nowNanos, rfc3339 } from '../base/time.ts';
import type { ContainerSnapshot } from '../containers/api.ts';
import type { ContainerExplanation, ExplainedUsers } from './api.ts';
import { confinementOf } from './facts/confinement.ts';
import { namespacesOf } from './facts/namespaces.ts';
import { networkingOf } from './facts/networking.ts';
import { readBeginning, statusField } from './facts/proc.ts';
import { insideId, processesOf, readMaps } from './facts/processes.ts';
import { rootOf } from './facts/root.ts';
import type { ExplainRooms } from './rooms.ts';

/** All that is true of a container now. */
export async function explainContainer(
  rooms: ExplainRooms,
  reference: string,
): Promise<ContainerExplanation> {
  const container = rooms.containers.get(reference);
  const { record, state } = container;
  const running = state.pid > 0;
  const [root, network, limits, pids, namespaces] = await Promise.all([
    rootOf(rooms, container),
    networkingOf(rooms, container),
    // One that ends while it is looked at has no cgroup any more.
    running ? rooms.runtime.view(record.id).catch(() => undefined) : undefined,
    running ? rooms.runtime.processes(record.id).catch(() => []) : [],
    namespacesOf(container, rooms.containers.all()),
  ]);
  const users = usersOf(container);
  return {
    Id: record.id,
    Name: record.name,
    Image: record.imageName,
    ImageId: record.imageId,
    Status: state.status,
    Pid: state.pid,
    Time: rfc3339(nowNanos()),
    Namespaces: namespaces,
    Processes: running ? await processesOf(pids, state.pid, users.Uids) : [],
    ProcessCount: pids.length,
    ...(limits && { Limits: limits }),
    Root: root,
    Network: network,
    Users: users,
    Confinement: confinementOf(rooms, container),
  };
}

/** The users of the host that the container's users are. */
export function usersOf({ record, state }: ContainerSnapshot): ExplainedUsers {
  const User = record.config.User;
  if (state.pid === 0) return { User, Mapped: false, Uids: [], Gids: [] };
  const Uids = readMaps(state.pid, 'uid');
  const status = readBeginning(`/proc/${state.pid}/status`) ?? '';
  const host = Number(statusField(status, 'Uid').split(/\s+/)[1] ?? 0);
  return {
    User,
    Uid: insideId(Uids, host),
    HostUid: host,
    Groups: statusField(status, 'Groups').split(/\s+/).filter(Boolean).map(Number),
    Mapped: Uids.some(({ Inside, Host }) => Inside !== Host),
    Uids,
    Gids: readMaps(state.pid, 'gid'),
  };
}
