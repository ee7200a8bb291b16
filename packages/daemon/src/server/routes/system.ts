import type { Rooms } from '../../rooms.ts';
import { daemonInfo, diskUsage, versionInfo } from '../../system/index.ts';
import type { Server } from '../face.ts';
import { API_VERSION, MIN_API_VERSION } from '../versions.ts';

/** `/_ping`, `/version`, `/info` and `/system/df`. */
export function systemRoutes(server: Server, rooms: Rooms): void {
  server.serve('SystemPing', (_request, reply) => {
    pingHeaders(reply);
    return 'OK';
  });
  server.serve('SystemPingHead', (_request, reply) => {
    pingHeaders(reply).header('Content-Length', '0');
    return '';
  });
  server.serve('SystemVersion', () => versionInfo(API_VERSION, MIN_API_VERSION));
  server.serve('SystemInfo', () => daemonInfo(rooms));
  server.serve('SystemDataUsage', ({ query }) => diskUsage(rooms, query['type']));
}

function pingHeaders(reply: Parameters<Parameters<Server['serve']>[1]>[1]) {
  return reply
    .header('Builder-Version', '2')
    .header('Swarm', 'inactive')
    .header('Cache-Control', 'no-cache, no-store, must-revalidate')
    .header('Pragma', 'no-cache');
}
