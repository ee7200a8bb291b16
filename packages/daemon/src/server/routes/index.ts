import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';
import { buildRoutes } from './build.ts';
import { containerRoutes } from './containers.ts';
import { documentationRoutes } from './documentation.ts';
import { eventsRoutes } from './events.ts';
import { execRoutes } from './exec.ts';
import { explainRoutes } from './explain.ts';
import { imageRoutes } from './images.ts';
import { networkRoutes } from './networks.ts';
import { podRoutes } from './pods.ts';
import { secretRoutes } from './secrets.ts';
import { pluginRoutes, swarmRoutes } from './swarm.ts';
import { systemRoutes } from './system.ts';
import { volumeRoutes } from './volumes.ts';

/** Every route, by tag of the API document. */
export function allRoutes(server: Server, rooms: Services): void {
  systemRoutes(server, rooms);
  eventsRoutes(server, rooms);
  secretRoutes(server, rooms);
  swarmRoutes(server);
  containerRoutes(server, rooms);
  execRoutes(server, rooms);
  imageRoutes(server, rooms);
  networkRoutes(server, rooms);
  volumeRoutes(server, rooms);
  podRoutes(server, rooms);
  buildRoutes(server, rooms);
  explainRoutes(server, rooms);
  pluginRoutes(server);
  documentationRoutes(server);
}
