import { join } from 'node:path';
import type { Launcher } from '@berth/native';
import type { Builder } from './build/face.ts';
import type { Containers } from './containers/face.ts';
import { unavailable } from './errors.ts';
import { type Events, openEvents } from './events/index.ts';
import type { Images } from './images/face.ts';
import type { Layers } from './layers/face.ts';
import type { Networks } from './networks/face.ts';
import type { Runtime } from './runtime/face.ts';
import type { Settings } from './settings.ts';
import { openStore, type Store } from './store/index.ts';
import type { Volumes } from './volumes/face.ts';

/** What the daemon is made of, bottom first; routes get this. `openRooms` makes it. */
export interface Rooms {
  settings: Settings;
  store: Store;
  events: Events;
  launcher: Launcher;
  layers: Layers;
  images: Images;
  runtime: Runtime;
  networks: Networks;
  volumes: Volumes;
  containers: Containers;
  builder: Builder;
  /** Stops what runs in the background and closes the store; containers go on. */
  close(): void;
}

/** Opens all rooms on the data root, bottom first, and brings kernel and records into agreement. */
export async function openRooms(settings: Settings): Promise<Rooms> {
  const store = openStore(join(settings.dataRoot, 'berth.db'));
  const events = openEvents();
  const rooms: Rooms = {
    settings,
    store,
    events,
    launcher: missing('launcher'),
    layers: missing('layers'),
    images: missing('images'),
    runtime: missing('runtime'),
    networks: missing('networks'),
    volumes: missing('volumes'),
    containers: missing('containers'),
    builder: missing('builder'),
    close() {
      store.close();
    },
  };
  return rooms;
}

function missing<T extends object>(name: string): T {
  return new Proxy({} as T, {
    get: () => () => {
      throw unavailable(`${name} cannot be used yet`);
    },
  });
}
