import type { Launcher } from '@berth/native';
import type { DirectoryPool } from '@berth/native/folders.ts';
import type { Settings } from '../../config/settings.ts';
import type { Events } from '../../events/api.ts';
import type { Images } from '../../images/api.ts';
import type { Layers } from '../../layers/api.ts';
import type { Logging } from '../../logging/api.ts';
import type { Networks } from '../../networks/api.ts';
import type { Pods } from '../../pods/api.ts';
import type { Runtime } from '../../runtime/api.ts';
import type { Secrets } from '../../secrets/api.ts';
import type { Collection, Store } from '../../store/api.ts';
import type { Volumes } from '../../volumes/api.ts';
import type { Container } from './container.ts';
import type { Registry } from './registry.ts';
import type { ContainerRecord, Health, LifeState } from './types.ts';

/** The rooms that containers are made of. */
export interface RoomsBelow {
  settings: Settings;
  store: Store;
  events: Events;
  launcher: Launcher;
  layers: Layers;
  images: Images;
  runtime: Runtime;
  logging: Logging;
  networks: Networks;
  volumes: Volumes;
  secrets: Secrets;
  /** Undefined where there are no pods. */
  pods?: Pods;
}

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
