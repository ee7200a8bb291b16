import type { DockerContainer, DockerNetwork } from './docker-root.ts';

interface IpamConfig {
  PreferredPool?: string;
  SubPool?: string;
  Gateway?: string;
  AuxAddresses?: Record<string, string> | null;
}

/** The networks that an engine has by itself. */
const OWN_NETWORKS = ['bridge', 'host', 'none', 'default'];

/** Why a network cannot be taken; undefined when it can. */
export function networkObstacle({
  networkType,
  scope,
  ingress,
  configFrom,
  configOnly,
  ipamType,
}: DockerNetwork): string | undefined {
  if (ingress || scope === 'swarm' || networkType === 'overlay')
    return 'it belongs to a swarm, and Berth has none';
  if (configFrom || configOnly) return 'networks of configuration-only networks are not supported';
  if (ipamType && ipamType !== 'default') return `its addresses come from the plugin ${ipamType}`;
  return ['bridge', 'macvlan', 'ipvlan'].includes(networkType)
    ? undefined
    : `its driver ${networkType} is not supported`;
}

/** The body that creates a network of dockerd's. */
export function networkBody(network: DockerNetwork): Record<string, unknown> {
  const pools = [network.ipamV4Config, network.ipamV6Config].flatMap((text) =>
    text ? ((JSON.parse(text) as IpamConfig[] | null) ?? []) : [],
  );
  return {
    Name: network.name,
    Driver: network.networkType,
    Internal: network.internal ?? false,
    Attachable: network.attachable ?? false,
    EnableIPv6: network.enableIPv6 ?? false,
    Labels: network.labels ?? {},
    Options: network.generic?.['com.docker.network.generic'] ?? {},
    IPAM: {
      Driver: 'default',
      Options: network.ipamOptions ?? {},
      Config: pools
        .filter(({ PreferredPool }) => PreferredPool)
        .map(({ PreferredPool, SubPool, Gateway, AuxAddresses }) => ({
          Subnet: PreferredPool,
          ...(SubPool ? { IPRange: SubPool } : {}),
          ...(Gateway ? { Gateway } : {}),
          ...(AuxAddresses ? { AuxiliaryAddresses: AuxAddresses } : {}),
        })),
    },
  };
}

/** The name of a container, without its slash. */
export const containerName = ({ Name }: DockerContainer): string => Name.replace(/^\//, '');

/**
 * The settings of an endpoint that a user gave: addresses and names that dockerd filled in are found anew. `mac` is the
 * container-wide MAC address, which dockerd has of clients before API 1.44; since then it has the endpoint's own.
 */
function endpoint(settings: Record<string, unknown>, id: string, mac: unknown): Record<string, unknown> {
  const aliases = ((settings['Aliases'] ?? []) as string[]).filter((alias) => alias !== id.slice(0, 12));
  return {
    IPAMConfig: settings['IPAMConfig'] ?? null,
    Links: settings['Links'] ?? null,
    Aliases: aliases.length ? aliases : null,
    DriverOpts: settings['DriverOpts'] ?? null,
    MacAddress: settings['DesiredMacAddress'] || mac || '',
  };
}

/** The body that creates a container of dockerd's, from the image `image`. `names` has the containers by their ids. */
export function containerBody(
  container: DockerContainer,
  image: string,
  names: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const { Config, HostConfig, ID } = container;
  const mode = String(HostConfig['NetworkMode'] ?? 'default');
  const renamed = (text: string): string => {
    const [, id = ''] = /^container:([0-9a-f]{64})$/.exec(text) ?? [];
    return id ? `container:${names.get(id) ?? id}` : text;
  };
  const binds = [...((HostConfig['Binds'] ?? []) as string[])];
  const mounted = new Set([
    ...binds.map((bind) => bind.split(':')[1]),
    ...((HostConfig['Mounts'] ?? []) as { Target?: string }[]).map(({ Target }) => Target),
  ]);
  // Anonymous volumes keep their names, under which they were taken over.
  for (const { Type, Name, Destination, RW } of Object.values(container.MountPoints ?? {}))
    if (Type === 'volume' && Name && !mounted.has(Destination))
      binds.push(`${Name}:${Destination}${RW ? '' : ':ro'}`);
  const { MacAddress: mac, ...config } = Config as typeof Config & { MacAddress?: unknown };
  const main = mode === 'default' ? 'bridge' : mode;
  const endpoints = Object.fromEntries(
    Object.entries(container.NetworkSettings?.Networks ?? {})
      .map(([name, settings]) => [name, endpoint(settings, ID, name === main && mac)] as const)
      // Of the networks that every engine has, the default one alone has a setting: the MAC address.
      .filter(([name, { MacAddress }]) => !OWN_NETWORKS.includes(name) || (name === 'bridge' && MacAddress)),
  );
  return {
    ...config,
    // Its own id's beginning is what a container without a name of its own is called.
    ...(Config.Hostname === ID.slice(0, 12) ? { Hostname: '' } : {}),
    Image: image,
    HostConfig: {
      ...HostConfig,
      Binds: binds.length ? binds : null,
      ContainerIDFile: '',
      NetworkMode: renamed(mode),
      IpcMode: renamed(String(HostConfig['IpcMode'] ?? '')),
      PidMode: renamed(String(HostConfig['PidMode'] ?? '')),
    },
    NetworkingConfig: { EndpointsConfig: endpoints },
  };
}

/** Containers in the order of their making: one that shares another's namespaces comes after that. */
export function inOrder(containers: readonly DockerContainer[]): DockerContainer[] {
  const left = new Map(containers.map((container) => [container.ID, container]));
  const ordered: DockerContainer[] = [];
  const add = (container: DockerContainer): void => {
    if (!left.delete(container.ID)) return;
    for (const name of ['NetworkMode', 'IpcMode', 'PidMode']) {
      const [, id = ''] = /^container:(.+)$/.exec(String(container.HostConfig[name] ?? '')) ?? [];
      const other = left.get(id);
      if (other) add(other);
    }
    ordered.push(container);
  };
  for (const container of containers) add(container);
  return ordered;
}
