import { gatewayMode } from '../kernel.ts';
import type { Context } from '../model/context.ts';
import { BRIDGE } from '../model/options.ts';
import type { ContainerRecord, LiveEndpoint, NetworkRecord } from '../model/records.ts';
import { portWishes } from '../ports/ports.ts';
import { portTarget } from '../ports/publish.ts';
import type { FirewallDirect } from './state.ts';

const TRUSTED = `${BRIDGE}trusted_host_interfaces`;
const FAMILIES = [4, 6] as const;

const trustedBy = ({ options }: NetworkRecord) =>
  (options[TRUSTED] ?? '').split(':').filter((name) => name !== '');

/** Whether published ports of a network's containers are reached at the containers' own addresses, from somewhere. */
export const isDirect = ({ settings }: Context, network: NetworkRecord): boolean =>
  network.driver === 'bridge' &&
  (settings.allowDirectRouting ||
    trustedBy(network).length > 0 ||
    FAMILIES.some((family) => gatewayMode(network, family) === 'routed'));

/** Whether ports of a container are, or were, reached at its own address: its start and end change the rules for that. */
export function opensDirectly(context: Context, { configured, request }: ContainerRecord): boolean {
  if (Object.keys(request.portBindings ?? {}).length === 0 && !request.publishAll) return false;
  return configured.some(({ networkId, network: name }) => {
    const network = context.catalogue.find(networkId || name);
    return network !== undefined && isDirect(context, network);
  });
}

/**
 * The published ports of a running container that are reached at its own address, as Docker Engine 28.2 has it: those in
 * routed networks, which have no port of the host; with the daemon's `--allow-direct-routing` and for a network's trusted
 * interfaces also those that have one.
 */
export function directPorts(context: Context, record: ContainerRecord): FirewallDirect[] {
  if (!opensDirectly(context, record)) return [];
  const target = portTarget(context, record)?.endpoint.endpointId;
  return (record.live?.endpoints ?? []).flatMap((endpoint) => {
    const network = context.catalogue.find(endpoint.networkId);
    if (network?.driver !== 'bridge' || network.internal) return [];
    return FAMILIES.flatMap((family) => {
      const mode = gatewayMode(network, family);
      if (mode === 'routed') return opened(record, endpoint, family, 'anywhere');
      if (mode !== 'nat' || endpoint.endpointId !== target) return [];
      if (context.settings.allowDirectRouting) return opened(record, endpoint, family, 'outside');
      return opened(record, endpoint, family, trustedBy(network));
    });
  });
}

function opened(
  { request }: ContainerRecord,
  { ipv4, ipv6 }: LiveEndpoint,
  family: 4 | 6,
  from: FirewallDirect['from'],
): FirewallDirect[] {
  const address = family === 4 ? ipv4 : ipv6;
  if (!address || from.length === 0) return [];
  return portWishes(request).map(({ protocol, containerPort: port }) => ({ address, protocol, port, from }));
}
