import type { Launcher } from '@berth/native';
import type { Builder } from './build/face.ts';
import type { Containers } from './containers/face.ts';
import type { Events } from './events/face.ts';
import type { Images } from './images/face.ts';
import type { Layers } from './layers/face.ts';
import type { Networks } from './networks/face.ts';
import type { Runtime } from './runtime/face.ts';
import type { Settings } from './settings.ts';
import type { Store } from './store/face.ts';
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
}
