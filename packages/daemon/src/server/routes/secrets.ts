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

/** The operations of secrets and those of configs, which do the same to another kind. */
const KINDS = [
  {
    kind: 'secret',
    list: 'SecretList',
    create: 'SecretCreate',
    inspect: 'SecretInspect',
    remove: 'SecretDelete',
    update: 'SecretUpdate',
  },
  {
    kind: 'config',
    list: 'ConfigList',
    create: 'ConfigCreate',
    inspect: 'ConfigInspect',
    remove: 'ConfigDelete',
    update: 'ConfigUpdate',
  },
] as const;

/** /secrets and /configs: as a swarm's manager serves them, from this machine's own store. */
export function secretRoutes(server: Server, { secrets }: Services): void {
  for (const { kind, list, create, inspect, remove, update } of KINDS) {
    server.serve(list, ({ query }) => secrets.list(kind, parseFilters(query['filters'])));
    server.serve(create, async ({ body }, reply) => {
      const made = await secrets.create(kind, plain(body));
      reply.status(201);
      return made;
    });
    server.serve(inspect, ({ params }) => secrets.get(kind, params['id']!));
    server.serve(remove, ({ params }) => secrets.remove(kind, params['id']!));
    server.serve(update, async ({ params, query, body }, reply) => {
      await secrets.update(kind, params['id']!, query['version'] ?? 0, body ?? {});
      reply.status(200);
    });
  }
}
