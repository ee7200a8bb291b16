import type { DirectoryPool } from '@berth/native/folders.ts';
import type { Collection } from '../../store/api.ts';
import type { Container } from './container.ts';
import type { Registry } from './registry.ts';
import type { RoomsBelow } from './rooms.ts';
import type { ContainerRecord, Health, LifeState } from './types.ts';

/**
 * The dependencies that the parts of this room share: the rooms below, the containers, and their collections in the
 * store.
 */
export interface Context {
  readonly rooms: RoomsBelow;
  readonly registry: Registry;
  readonly records: Collection<ContainerRecord>;
  readonly states: Collection<LifeState>;
  readonly healths: Collection<Health>;
  /** Makes the containers' folders, and their supervisors'. */
  readonly folders: DirectoryPool;
  readonly runs: DirectoryPool;
  /** Publishes an event of a container: its labels, image and name are among the attributes. */
  emit(container: Container, action: string, attributes?: Record<string, string>): void;
  /** Set when the daemon ends: nothing new is begun. */
  closing: boolean;
}

/** Replaces a container's state, in memory and in the store. */
export function setState(context: Context, container: Container, state: LifeState): void {
  if (container.state === state) return;
  container.state = state;
  context.states.put(container.id, state);
}

/** Replaces a container's record, in memory and in the store. */
export function setRecord(context: Context, container: Container, record: ContainerRecord): void {
  container.record = record;
  context.records.put(container.id, record);
}
