import type { Rooms } from '../../rooms.ts';
import { daemonInfo, diskUsage, versionInfo } from '../../system/index.ts';
import type { Server } from '../face.ts';
import { API_VERSION, MIN_API_VERSION } from '../versions.ts';
import { imageSummaryFor } from './image-shapes.ts';

const NO_BUILDER_SIZE = 42;

/** Disk usage as `version` has it: once it gave the build cache's size apart. */
function diskUsageFor(
  version: number,
  usage: Awaited<ReturnType<typeof diskUsage>>,
): Record<string, unknown> {
  const images = usage.Images?.map((summary) => imageSummaryFor(version, summary, { counted: true })) ?? null;
  if (version >= NO_BUILDER_SIZE) return { ...usage, Images: images };
  const size = (usage.BuildCache ?? []).reduce((sum, record) => sum + record.Size, 0);
  return { ...usage, Images: images, BuilderSize: size };
}

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
  server.serve('SystemDataUsage', async ({ query, version }) => {
    const usage = await diskUsage(rooms, query['type']);
    return diskUsageFor(version, usage);
  });
}

function pingHeaders(reply: Parameters<Parameters<Server['serve']>[1]>[1]) {
  return reply
    .header('Builder-Version', '2')
    .header('Swarm', 'inactive')
    .header('Cache-Control', 'no-cache, no-store, must-revalidate')
    .header('Pragma', 'no-cache');
}
