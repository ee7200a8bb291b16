import type { Services } from '../../services.ts';
import { daemonInfo, diskUsage, versionInfo } from '../../system/index.ts';
import type { Server } from '../api.ts';
import { diskUsageFor, infoFor } from '../shapes/system.ts';
import { API_VERSION, MIN_API_VERSION } from '../versions.ts';

/** `/_ping`, `/version`, `/info` and `/system/df`. */
export function systemRoutes(server: Server, rooms: Services): void {
  server.serve('SystemPing', (_request, reply) => {
    pingHeaders(reply, rooms);
    return 'OK';
  });
  server.serve('SystemPingHead', (_request, reply) => {
    pingHeaders(reply, rooms).header('Content-Length', '0');
    return '';
  });
  server.serve('SystemVersion', () => versionInfo(API_VERSION, MIN_API_VERSION, rooms.settings.experimental));
  server.serve('SystemInfo', async ({ version }) => infoFor(version, await daemonInfo(rooms)));
  server.serve('SystemDataUsage', async ({ query, version }) => {
    const usage = await diskUsage(rooms, query['type']);
    return diskUsageFor(version, usage, query['verbose'] ?? false);
  });
}

function pingHeaders(reply: Parameters<Parameters<Server['serve']>[1]>[1], { settings }: Services) {
  return (
    reply
      // The builder that a client takes if it was not told one.
      .header('Builder-Version', settings.features['buildkit'] === false ? '1' : '2')
      .header('Swarm', 'inactive')
      .header('Cache-Control', 'no-cache, no-store, must-revalidate')
      .header('Pragma', 'no-cache')
  );
}
