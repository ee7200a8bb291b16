import type { Rooms } from '../../rooms.ts';
import type { Server } from '../face.ts';
import { eventsRoutes } from './events.ts';
import { pluginRoutes, swarmRoutes } from './swarm.ts';
import { systemRoutes } from './system.ts';

/** Every route, by tag of the API document. */
export function allRoutes(server: Server, rooms: Rooms): void {
  systemRoutes(server, rooms);
  eventsRoutes(server, rooms);
  swarmRoutes(server);
  pluginRoutes(server);
}
