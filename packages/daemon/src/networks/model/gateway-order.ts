import type { ContainerRecord, LiveEndpoint, NetworkRecord } from './records.ts';

/**
 * The first of some of a container's endpoints in the order in which dockerd chooses a default gateway: by priority, then one
 * with addresses of both families, then by the network's name.
 */
export function firstByGatewayOrder<T extends { network: NetworkRecord; endpoint: LiveEndpoint }>(
  { configured }: ContainerRecord,
  candidates: readonly T[],
): T | undefined {
  const priority = ({ network }: T) =>
    configured.find(({ networkId }) => networkId === network.id)?.config.GwPriority ?? 0;
  const dual = ({ endpoint }: T) => Number(endpoint.ipv4 !== '' && endpoint.ipv6 !== '');
  return candidates.toSorted(
    (a, b) => priority(b) - priority(a) || dual(b) - dual(a) || (a.network.name < b.network.name ? -1 : 1),
  )[0];
}
