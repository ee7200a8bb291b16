import { join } from 'node:path';
import { openDirectoryPool } from '@berth/native/folders.ts';
import { workDone } from '../base/buffers.ts';
import { parseRfc3339 } from '../base/time.ts';
import type { NetworkState } from '../networks/api.ts';
import { Container } from './model/container.ts';
import type { Context } from './model/context.ts';
import type { Registry } from './model/registry.ts';
import { INITIAL } from './model/state.ts';
import type { ContainerRecord, Health, LifeState } from './model/types.ts';

/* Opening the room: its collections, its containers as the store has them, and the answers it gives to rooms below. */

/** The dependencies of the room's parts, on the store's collections. */
export function openContext(rooms: Context['rooms'], registry: Registry): Context {
  return {
    rooms,
    registry,
    records: rooms.store.collection<ContainerRecord>('containers'),
    states: rooms.store.collection<LifeState>('container_states'),
    healths: rooms.store.collection<Health>('container_healths'),
    folders: openDirectoryPool(join(rooms.settings.dataRoot, 'pool')),
    runs: openDirectoryPool(join(rooms.settings.execRoot, 'pool')),
    closing: false,
    emit: ({ id, record }, action, attributes) => {
      workDone();
      rooms.events.emit('container', action, id, {
        ...record.config.Labels,
        image: record.imageName,
        name: record.name,
        ...attributes,
      });
    },
  };
}

/** Puts the containers that have a record and a state into the registry, oldest first. */
export function loadContainers(
  { records, states, healths, rooms, registry }: Context,
  networkState: (container: Container) => NetworkState,
): void {
  const damaged = rooms.store.damaged('container_states');
  const ordered = [...records.values()]
    .map((record) => ({ record, created: parseRfc3339(record.created) ?? 0n }))
    .sort((a, b) => (a.created < b.created ? -1 : 1));
  for (const { record } of ordered) {
    // A state that cannot be read is taken for that of a start that was interrupted: if a process runs, it is found.
    if (damaged.has(record.id) && !states.has(record.id))
      states.put(record.id, { ...INITIAL, launching: true });
    const state = states.get(record.id);
    if (!state) continue; // a create that was not finished: reconcile clears it
    const container = new Container(rooms.settings.dataRoot, record, state, networkState);
    container.health = healths.get(record.id);
    registry.add(container);
  }
}

/** Ids of the containers that use a volume, now or from their next start on; those that are still being made count too. */
export function volumeUsers({ records }: Context, name: string): string[] {
  const users: string[] = [];
  for (const { id, mounts, nextMounts = [] } of records.values()) {
    if ([...mounts, ...nextMounts].some((point) => point.Name === name)) users.push(id);
  }
  return users;
}

/** Names of the containers that were made with a secret or a config. */
export function secretUsers({ records }: Context, kind: 'secret' | 'config', id: string): string[] {
  return [...records.values()]
    .filter(({ hostConfig: { Secrets = [], Configs = [] } }) =>
      kind === 'secret'
        ? Secrets.some(({ SecretID }) => SecretID === id)
        : Configs.some(({ ConfigID }) => ConfigID === id),
    )
    .map(({ name }) => name);
}

/** The containers that were made of an image or mount it. */
export function imageUsers(registry: Registry, imageId: string): Array<{ id: string; running: boolean }> {
  return registry
    .owners()
    .filter(
      ({ record }) => record.imageId === imageId || record.mounts.some(({ image }) => image?.id === imageId),
    )
    .map(({ id, alive, state }) => ({ id, running: alive || state.status === 'restarting' }));
}
