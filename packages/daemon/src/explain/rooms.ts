import type { Settings } from '../config/settings.ts';
import type { Containers } from '../containers/api.ts';
import type { Events } from '../events/api.ts';
import type { Images } from '../images/api.ts';
import type { Layers } from '../layers/api.ts';
import type { Networks } from '../networks/api.ts';
import type { Runtime } from '../runtime/api.ts';

/** The rooms that explanations are read from. */
export interface ExplainRooms {
  settings: Settings;
  events: Events;
  layers: Layers;
  images: Images;
  runtime: Runtime;
  networks: Networks;
  containers: Containers;
}
