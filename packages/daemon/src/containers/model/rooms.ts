import type { Launcher } from '@berth/native';
import type { Settings } from '../../config/settings.ts';
import type { Events } from '../../events/api.ts';
import type { Images } from '../../images/api.ts';
import type { Layers } from '../../layers/api.ts';
import type { Logging } from '../../logging/api.ts';
import type { Networks } from '../../networks/api.ts';
import type { Pods } from '../../pods/api.ts';
import type { Runtime } from '../../runtime/api.ts';
import type { Secrets } from '../../secrets/api.ts';
import type { Store } from '../../store/api.ts';
import type { Volumes } from '../../volumes/api.ts';

/** The rooms below containers, bottom first. `Services` adds those on top. */
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
  /** Undefined where there are no pods: the Container Runtime Interface is not served, and never was. */
  pods?: Pods;
}
