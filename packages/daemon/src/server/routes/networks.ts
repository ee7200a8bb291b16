import { invalidParameter, notFound } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';
import { networkCreateFor, networkFor, networkSummaryFor } from '../shapes/networks.ts';
import { SINCE } from '../shapes/since.ts';

/** /networks */
export function networkRoutes(server: Server, { networks, containers }: Services): void {
  server.serve('NetworkList', async ({ query, version }) =>
    (await networks.list(parseFilters(query['filters']))).map((network) =>
      networkSummaryFor(version, network),
    ),
  );

  server.serve('NetworkCreate', async ({ body, version }, reply) => {
    const { id, warning } = await networks.create(networkCreateFor(version, body ?? {}), {
      hasIpv6Pool: version >= SINCE.ipv6Pool,
      givenGateways: version >= SINCE.givenGateways,
    });
    reply.status(201);
    return { Id: id, Warning: warning };
  });

  server.serve('NetworkInspect', async ({ params, query, version }) => {
    // Some clients ask for the list with a slash behind.
    if (params['id'] === '')
      return (await networks.list(parseFilters(query['filters']))).map((network) =>
        networkSummaryFor(version, network),
      );
    const network = networks.inspect(params['id']!);
    if (query['scope'] && query['scope'] !== network.Scope)
      throw notFound(`network ${params['id']} not found`);
    const refused = await networks.refused(network.Id).catch(() => undefined);
    const shaped = networkFor(version, network);
    return refused ? { ...shaped, Status: { ...shaped.Status, Egress: { Refused: refused } } } : shaped;
  });

  server.serve('NetworkDelete', ({ params, version }) =>
    networks.remove(params['id']!, { nameEndpoints: version >= SINCE.namedEndpoints }),
  );

  server.serve('NetworkPrune', async ({ query }) => {
    const { NetworksDeleted } = await networks.prune(parseFilters(query['filters']));
    return { NetworksDeleted: NetworksDeleted.length > 0 ? NetworksDeleted : null };
  });

  server.serve('NetworkConnect', async ({ params, body }, reply) => {
    await containers.connect(params['id']!, containerOf(body), body?.EndpointConfig ?? {});
    reply.status(200);
  });

  server.serve('NetworkDisconnect', async ({ params, body }, reply) => {
    await containers.disconnect(params['id']!, containerOf(body), body?.Force ?? false);
    reply.status(200);
  });
}

function containerOf(body: { Container?: string } | undefined): string {
  if (!body?.Container) throw invalidParameter('invalid name or ID supplied: ""');
  return body.Container;
}
