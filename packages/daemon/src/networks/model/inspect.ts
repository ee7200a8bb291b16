import { sortedMap } from '../../base/go-json.ts';
import { prefixLength, subnetFor } from '../addresses/pools.ts';
import type { EndpointSettings, NetworkInspect, NetworkState } from '../api.ts';
import { gatewayOf } from '../kernel.ts';
import type { ContainerRecord, EndpointConfig, LiveEndpoint, NetworkRecord } from './records.ts';

/** The names by which a container is found on a user-defined network: its name, aliases, short id, hostname. */
export function dnsNames({ request }: ContainerRecord, config: EndpointConfig): string[] {
  const names = [request.name, ...(config.Aliases ?? []), request.id.slice(0, 12)];
  if (request.hostname) names.push(request.hostname);
  return [...new Set(names)];
}

/** Whether containers of that network have names. */
export const hasNames = (record: NetworkRecord | undefined): boolean =>
  record !== undefined && !['host', 'null'].includes(record.driver) && record.name !== 'bridge';

const EMPTY = {
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  MacAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
};

/** EndpointSettings as inspect shows them; those of a stopped container hold what was asked for. */
export function endpointSettings(
  container: ContainerRecord,
  entry: ContainerRecord['configured'][number],
  network: NetworkRecord | undefined,
  live: LiveEndpoint | undefined,
): EndpointSettings {
  const { config } = entry;
  const settings: EndpointSettings = {
    IPAMConfig: config.IPAMConfig,
    Links: config.Links,
    Aliases: config.Aliases,
    DriverOpts: config.DriverOpts,
    GwPriority: config.GwPriority,
    NetworkID: entry.networkId,
    ...EMPTY,
    // Until its first start a container shows the address it asked for.
    MacAddress: entry.networkId ? '' : config.MacAddress,
    DNSNames: (entry.networkId || entry.connected) && hasNames(network) ? dnsNames(container, config) : null,
  };
  if (!live || !network) return settings;
  return {
    ...settings,
    NetworkID: network.id,
    EndpointID: live.endpointId,
    Gateway: live.ipv4 ? (gatewayOf(network, 4)?.address ?? '') : '',
    IPAddress: live.ipv4,
    MacAddress: live.mac,
    IPPrefixLen: live.ipv4 ? prefixLength(subnetFor(network, 4)) : 0,
    IPv6Gateway: live.ipv6 ? (gatewayOf(network, 6)?.address ?? '') : '',
    GlobalIPv6Address: live.ipv6,
    GlobalIPv6PrefixLen: live.ipv6 ? prefixLength(subnetFor(network, 6)) : 0,
  };
}

/** A container's state as `NetworkSettings` needs it. */
export function networkState(
  container: ContainerRecord,
  find: (id: string) => NetworkRecord | undefined,
): NetworkState {
  const endpoints: NetworkState['endpoints'] = {};
  for (const entry of container.configured) {
    const network = find(entry.networkId) ?? find(entry.network);
    const live = container.live?.endpoints.find(({ networkId }) => networkId === network?.id);
    endpoints[network?.name ?? entry.network] = endpointSettings(container, entry, network, live);
  }
  return {
    endpoints,
    ports: container.live?.portMap ?? {},
    sandboxId: container.sandboxId,
    sandboxKey: container.sandboxKey,
  };
}

/** A network as the API shows it, in the newest version's shape; `containers` are those that run on it. */
export function shownNetwork(
  record: NetworkRecord,
  containers: Iterable<[ContainerRecord, LiveEndpoint]>,
): NetworkInspect {
  const shown: NetworkInspect['Containers'] = {};
  for (const [{ request }, live] of containers)
    shown[request.id] = {
      Name: request.name,
      EndpointID: live.endpointId,
      MacAddress: live.mac,
      IPv4Address: live.ipv4 ? `${live.ipv4}/${prefixLength(subnetFor(record, 4))}` : '',
      IPv6Address: live.ipv6 ? `${live.ipv6}/${prefixLength(subnetFor(record, 6))}` : '',
    };
  const builtin = record.driver === 'host' || record.driver === 'null';
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: record.scope ?? 'local',
    Driver: record.configOnly ? 'null' : record.driver,
    EnableIPv4: record.ipv4,
    EnableIPv6: record.ipv6,
    IPAM: {
      Driver: record.ipamDriver,
      Options: record.ipamOptions,
      Config: builtin || (record.configOnly && record.ipamConfig.length === 0) ? null : record.ipamConfig,
    },
    gateways: Object.fromEntries(record.subnets.map(({ subnet, gateway }) => [subnet, gateway])),
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: record.configFrom },
    ConfigOnly: record.configOnly,
    Containers: shown,
    Options: sortedMap(record.options),
    Labels: sortedMap(record.labels),
  };
}
