import { invalidParameter, unavailable } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';
import { SINCE } from '../shapes/since.ts';
import { NOT_A_MANAGER } from './swarm.ts';

/** /volumes */
export function volumeRoutes(server: Server, { volumes }: Services): void {
  server.serve('VolumeList', async ({ query }) => ({
    Volumes: await volumes.list(listFilters(query['filters'])),
    Warnings: null,
  }));

  server.serve('VolumeCreate', async ({ body }, reply) => {
    if (body?.ClusterVolumeSpec) throw unavailable(NOT_A_MANAGER);
    const { volume } = await volumes.create({
      name: body?.Name,
      driver: body?.Driver,
      labels: body?.Labels,
      options: body?.DriverOpts,
    });
    reply.status(201);
    return volume;
  });

  server.serve('VolumeInspect', ({ params }) => volumes.get(params['name']!));

  server.serve('VolumeDelete', ({ params, query }) =>
    volumes.remove(params['name']!, { force: query['force'] ?? false }),
  );

  server.serve('VolumePrune', ({ query, version }) => {
    const filters = parseFilters(query['filters']);
    if (version < SINCE.anonymousPrune) filters['all'] = ['true'];
    return volumes.prune(filters);
  });
}

function listFilters(text: string | undefined): Record<string, string[]> {
  try {
    return parseFilters(text);
  } catch (error) {
    throw invalidParameter(`error reading volume filters: ${(error as Error).message}`, error);
  }
}
