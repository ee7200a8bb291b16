import { type BerthError, conflict, invalidParameter, systemError } from '../../base/errors.ts';
import type { PodJoin } from '../../pods/api.ts';
import type { Container } from '../model/container.ts';
import type { Registry } from '../model/registry.ts';
import type { ContainerRecord, Status } from '../model/types.ts';
import { bridgeLinks } from './links.ts';

/** The places of a joined container's namespaces and files. */
export interface Joined {
  network?: { pid: number; folder: string; Hostname: string; Domainname: string };
  pod?: PodJoin;
  pid?: number;
  ipc?: number;
  /** Variables that tell of linked containers. */
  links?: string[];
}

/** Finds the containers whose namespaces are to be shared. @throws as `badJoin` tells. */
export function resolveJoins(record: ContainerRecord, lookup: (reference: string) => Container): Joined {
  const { NetworkMode, PidMode, IpcMode } = record.hostConfig;
  const joined: Joined = {};
  const target = (mode: string) =>
    mode.startsWith('container:') && mode !== `container:${record.pod?.id}`
      ? lookup(mode.slice('container:'.length))
      : undefined;
  const network = target(NetworkMode);
  if (network) {
    if (network.id === record.id) throw badJoin.self();
    if (!network.alive) throw badJoin.network(network.id, network.state.status);
    // The other may itself share a third one's: the files are those of the namespace's owner.
    let owner = network;
    for (
      let next = target(owner.record.hostConfig.NetworkMode);
      next;
      next = target(owner.record.hostConfig.NetworkMode)
    )
      owner = next;
    const { Hostname, Domainname } = network.record.config;
    joined.network = { pid: network.state.pid, folder: owner.folder, Hostname, Domainname };
  }
  const pid = target(PidMode);
  if (pid) {
    if (!pid.alive) throw badJoin.pid(pid.id);
    joined.pid = pid.state.pid;
  }
  const ipc = target(IpcMode);
  if (ipc) {
    if (!ipc.alive) throw badJoin.ipc(ipc.id);
    if (!['shareable', 'host'].includes(ipc.record.hostConfig.IpcMode)) throw badJoin.ipcPrivate(ipc.id);
    joined.ipc = ipc.state.pid;
  }
  return joined;
}

/** Milliseconds that a start waits for those of the containers it needs: two could need each other. */
const LONGEST_WAIT = 10_000;

/**
 * Waits until those that a container needs have been started, or could not be, where the restart policy has arranged
 * that too, as after a boot: those whose namespaces it shares, and those it is linked to.
 */
export async function neededStarts({ record }: Container, registry: Registry): Promise<void> {
  const { NetworkMode, PidMode, IpcMode } = record.hostConfig;
  const shared = [NetworkMode, PidMode, IpcMode].map((mode) => /^container:(.+)/.exec(mode)?.[1]);
  const needed = [...shared, ...bridgeLinks(record).map(({ target }) => target)];
  const starts = needed.flatMap((name) => (name && registry.find(name)?.nextStart?.tried.promise) || []);
  if (starts.length === 0) return;
  const patience = Promise.withResolvers<void>();
  const timer = setTimeout(() => patience.resolve(), LONGEST_WAIT);
  await Promise.race([Promise.all(starts), patience.promise]);
  clearTimeout(timer);
}

/** dockerd's texts and kinds for a namespace that can't be joined. */
const badJoin = {
  self: (): BerthError => conflict('cannot join own network'),
  network: (id: string, status: Status): BerthError =>
    conflict(
      status === 'restarting'
        ? `cannot join network of a restarting container: ${id}`
        : `cannot join network of a non running container: ${id}`,
    ),
  // dockerd finds this out while it makes the container's description, and calls all that fails there its own fault.
  pid: (id: string): BerthError =>
    systemError(`failed to join PID namespace: container ${id} is not running`),
  ipc: (id: string): BerthError => conflict(`failed to join IPC namespace: container ${id} is not running`),
  ipcPrivate: (id: string): BerthError =>
    invalidParameter(
      `failed to join IPC namespace: container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    ),
};
