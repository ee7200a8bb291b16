import { unsupported } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';

interface Spec {
  Name?: string;
  Labels?: Record<string, string>;
  Data?: string;
}

/** @throws unsupported for what only a swarm can do */
function plain(body: (Spec & { Driver?: unknown; Templating?: unknown }) | undefined | null): Spec {
  const { Driver, Templating, ...spec } = body ?? {};
  if (Driver) throw unsupported('Driver is not supported: secrets are kept by the daemon itself');
  if (Templating) throw unsupported('Templating is not supported: a container gets the bytes as they are');
  return spec;
}

/** /secrets and /configs: as a swarm's manager serves them, from this machine's own store. */
export function secretRoutes(server: Server, { secrets }: Services): void {
  server.serve('SecretList', ({ query }) => secrets.list('secret', parseFilters(query['filters'])));
  server.serve('SecretCreate', async ({ body }, reply) => {
    const made = await secrets.create('secret', plain(body));
    reply.status(201);
    return made;
  });
  server.serve('SecretInspect', ({ params }) => secrets.get('secret', params['id']!));
  server.serve('SecretDelete', ({ params }) => secrets.remove('secret', params['id']!));
  server.serve('SecretUpdate', async ({ params, query, body }, reply) => {
    await secrets.update('secret', params['id']!, query['version'] ?? 0, body ?? {});
    reply.status(200);
  });

  server.serve('ConfigList', ({ query }) => secrets.list('config', parseFilters(query['filters'])));
  server.serve('ConfigCreate', async ({ body }, reply) => {
    const made = await secrets.create('config', plain(body));
    reply.status(201);
    return made;
  });
  server.serve('ConfigInspect', ({ params }) => secrets.get('config', params['id']!));
  server.serve('ConfigDelete', ({ params }) => secrets.remove('config', params['id']!));
  server.serve('ConfigUpdate', async ({ params, query, body }, reply) => {
    await secrets.update('config', params['id']!, query['version'] ?? 0, body ?? {});
    reply.status(200);
  });
}
