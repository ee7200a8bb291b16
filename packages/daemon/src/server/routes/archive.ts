import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';
import { upload } from '../upload.ts';
import { send } from './streams.ts';

const STAT_HEADER = 'X-Docker-Container-Path-Stat';

const encoded = (stat: object) => Buffer.from(JSON.stringify(stat)).toString('base64');

/** /containers/{id}/archive and export: files in and out of containers. */
export function archiveRoutes(server: Server, { containers }: Services): void {
  server.serve('ContainerArchiveInfo', async ({ params, query }, reply) => {
    const stat = await containers.archiveStat(params['id']!, query['path'] ?? '');
    reply.status(200).header(STAT_HEADER, encoded(stat));
  });

  server.serve('ContainerArchive', async ({ params, query }, reply) => {
    const { stat, tar } = await containers.archiveGet(params['id']!, query['path'] ?? '');
    reply.header(STAT_HEADER, encoded(stat));
    await send(tar, reply.stream('application/x-tar'));
  });

  server.serve('PutContainerArchive', async ({ params, query, raw, signal }, reply) => {
    await containers.archivePut(params['id']!, query['path'] ?? '', upload(raw), {
      noOverwriteDirNonDir: query['noOverwriteDirNonDir'] ?? false,
      copyUIDGID: query['copyUIDGID'] ?? false,
      signal,
    });
    reply.status(200);
  });

  server.serve('ContainerExport', async ({ params }, reply) => {
    const tar = await containers.export(params['id']!);
    await send(tar, reply.stream('application/octet-stream'));
  });
}
