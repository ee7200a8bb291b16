import type { LaunchRecord } from '@berth/native';
import type { NetWorker } from '@berth/native/net.ts';
import type { Settings } from '../../config/settings.ts';
import type { Events } from '../../events/api.ts';
import type { Collection } from '../../store/api.ts';
import type { NetworkRequest } from '../api.ts';
import type { NameFiles } from '../endpoints/name-files.ts';
import type { SandboxFolder } from '../endpoints/sandbox.ts';
import type { FirewallReconciler } from '../firewall/reconciler.ts';
import type { PortTable } from '../ports/ports.ts';
import type { Catalogue } from './catalogue.ts';
import type { ContainerRecord, LiveEndpoint, NetworkRecord } from './records.ts';

/** The dependencies that the parts of this room share. */
export interface Context {
  settings: Settings;
  /** Resolves when all that was recorded is safe from a power cut. */
  flush: () => Promise<void>;
  /** The same for what has happened already: see the store's. */
  flushOrLater: () => Promise<void>;
  events: Events;
  worker: NetWorker;
  catalogue: Catalogue;
  firewall: FirewallReconciler;
  folder: SandboxFolder;
  names: NameFiles;
  containers: Collection<ContainerRecord>;
  members: Members;
  ports: PortTable;
  /** Sockets of published ports that the worker holds, by container. */
  sockets: Map<string, HeldSocket[]>;
  /** Records that a running container's supervisor has not been given yet. */
  controls: Map<string, LaunchRecord[]>;
}

export interface HeldSocket {
  /** `PROTOCOL ADDRESS PORT` */
  key: string;
  fd: string;
}

/** The containers that run on each network. */
export class Members {
  readonly #byNetwork = new Map<string, Map<string, LiveEndpoint>>();

  add(containerId: string, endpoint: LiveEndpoint): void {
    let members = this.#byNetwork.get(endpoint.networkId);
    if (!members) {
      members = new Map();
      this.#byNetwork.set(endpoint.networkId, members);
    }
    members.set(containerId, endpoint);
  }

  delete(containerId: string, networkId: string): void {
    const members = this.#byNetwork.get(networkId);
    members?.delete(containerId);
    if (members?.size === 0) this.#byNetwork.delete(networkId);
  }

  /** The endpoints of a network, by container. */
  of(networkId: string): ReadonlyMap<string, LiveEndpoint> {
    return this.#byNetwork.get(networkId) ?? new Map();
  }
}

/** Keeps a container's record with some members changed. Records are never changed in place. */
export function keep(
  context: Context,
  record: ContainerRecord,
  change: Partial<ContainerRecord>,
): ContainerRecord {
  const changed = { ...record, ...change };
  context.containers.put(changed.request.id, changed);
  return changed;
}

/** The same without what only a running container has. Its last sandbox's id stays to be seen, as with dockerd. */
export function keepStopped(context: Context, record: ContainerRecord): ContainerRecord {
  const { live: _, ...stopped } = record;
  context.containers.put(stopped.request.id, stopped);
  return stopped;
}

/** The network of one of a container's entries; a network that was made anew under the name counts. */
export function networkOf(
  context: Context,
  entry: ContainerRecord['configured'][number],
): NetworkRecord | undefined {
  return context.catalogue.find(entry.networkId) ?? context.catalogue.find(entry.network);
}

/** Hands records to a running container's supervisor (see `Networks.takeControls`). */
export function control(context: Context, id: string, ...records: LaunchRecord[]): void {
  if (records.length > 0) context.controls.set(id, [...(context.controls.get(id) ?? []), ...records]);
}

/** Tells of a connect or disconnect. */
export function emitMembership(
  { events }: Context,
  action: 'connect' | 'disconnect',
  network: NetworkRecord,
  { id }: Pick<NetworkRequest, 'id'>,
): void {
  events.emit('network', action, network.id, { container: id, name: network.name, type: network.driver });
}
