import { invalidParameter, unavailable } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';
import { SINCE } from '../shapes/since.ts';
import { upload } from '../upload.ts';
import { send } from './streams.ts';
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

  server.serve('VolumeExport', async ({ params }, reply) => {
    const tar = await volumes.export(params['name']!);
    await send(tar, reply.stream('application/x-tar'));
  });

  server.serve('VolumeImport', async ({ params, raw, signal }, reply) => {
    const volume = await volumes.import(params['name']!, upload(raw), signal);
    reply.status(201);
    return volume;
  });

  for (const [operation, snapshot] of [
    ['VolumeClone', false],
    ['VolumeSnapshot', true],
  ] as const)
    server.serve(operation, async ({ params, body, signal }, reply) => {
      const { Name: name = '', Labels: labels, Reflink = 'auto' } = body ?? {};
      if (Reflink !== 'auto' && Reflink !== 'always')
        throw invalidParameter(`invalid Reflink ${JSON.stringify(Reflink)}: use auto or always`);
      const always = Reflink === 'always';
      const made = await volumes.clone(params['name']!, {
        name,
        labels: labels ?? {},
        always,
        snapshot,
        signal,
      });
      reply.status(201);
      return { Volume: made.volume, Shared: made.shared, Copied: made.copied };
    });

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
