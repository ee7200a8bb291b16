import type { ContainerInspect, ContainerSummary, ShownNetworks } from '../../containers/api.ts';
import type { EndpointSettings } from '../../networks/api.ts';
import type { ResponseOf } from '../api.ts';
import { SNAPSHOTTER, without } from './members.ts';

/* The shape of a container for older clients: members that came later are left out, ones that went are put back. */

/** Versions in which a member appeared or changed. */
const NO_ID_ALIASES = 45;
const LIST_ANNOTATIONS = 46;
/** With the manifest of the image. */
const GATEWAY_PRIORITY = 48;
const SANDBOX_ENDS = 48;
const LIST_HEALTH = 52;
const NETWORKS_ONLY = 52;

/** Members of the default bridge's endpoint that stand once more at the top until `NETWORKS_ONLY`. */
const FIRST_NETWORK = [
  'Bridge',
  'HairpinMode',
  'LinkLocalIPv6Address',
  'LinkLocalIPv6PrefixLen',
  'SecondaryIPAddresses',
  'SecondaryIPv6Addresses',
  'EndpointID',
  'Gateway',
  'GlobalIPv6Address',
  'GlobalIPv6PrefixLen',
  'IPAddress',
  'IPPrefixLen',
  'IPv6Gateway',
  'MacAddress',
] as const;

/** The inspected container as `version` has it. */
export function inspectFor(version: number, container: ContainerInspect): ResponseOf<'ContainerInspect'> {
  const { Id, Config: config } = container;
  const settings = sandboxOf(version, container);
  if (version >= NETWORKS_ONLY) return newest({ ...container, NetworkSettings: settings });
  const HostConfig = {
    ...container.HostConfig,
    MaskedPaths: inOlderMasks(container.HostConfig.MaskedPaths),
  };
  if (version >= GATEWAY_PRIORITY)
    return {
      ...container,
      HostConfig,
      NetworkSettings: { ...settings, Networks: networksFor(version, settings.Networks, []) },
    };
  return {
    ...without(container, ['ImageManifestDescriptor']),
    HostConfig,
    NetworkSettings: {
      ...settings,
      Networks: networksFor(version, settings.Networks, [Id.slice(0, 12), config.Hostname]),
    },
  };
}

/** The sandbox goes with the container's end; older engines told of the last one. */
function sandboxOf(version: number, { State, NetworkSettings }: ContainerInspect): ShownNetworks {
  if (version < SANDBOX_ENDS || State.Running) return NetworkSettings;
  return { ...NetworkSettings, SandboxID: '', SandboxKey: '' };
}

function newest(container: ContainerInspect): ResponseOf<'ContainerInspect'> {
  const { GraphDriver, ImageManifestDescriptor: manifest, HostConfig, ...rest } = container;
  const { SizeRw, SizeRootFs, Mounts, Config, NetworkSettings, ...head } = rest;
  return {
    ...head,
    Driver: SNAPSHOTTER,
    HostConfig: { ...HostConfig, PortBindings: HostConfig.PortBindings ?? {} },
    Storage: { RootFS: { Snapshot: { Name: SNAPSHOTTER } } },
    ...(SizeRw !== undefined && { SizeRw, SizeRootFs }),
    Mounts,
    Config: without(Config, Config.OnBuild === null ? ['MacAddress', 'OnBuild'] : ['MacAddress']),
    NetworkSettings: {
      ...without(NetworkSettings, FIRST_NETWORK),
      Networks: withWholeRequests(NetworkSettings.Networks),
    },
    ...(manifest && { ImageManifestDescriptor: manifest }),
  };
}

/** The addresses of both families that an endpoint was asked to have, where it was asked for any. */
function withWholeRequests(networks: Record<string, EndpointSettings>): Record<string, EndpointSettings> {
  return Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => {
      const asked = endpoint.IPAMConfig;
      if (!asked) return [name, endpoint];
      return [name, { ...endpoint, IPAMConfig: { IPv4Address: '', IPv6Address: '', ...asked } }];
    }),
  );
}

/** An entry of the list as `version` has it. */
export function summaryFor(version: number, summary: ContainerSummary): ResponseOf<'ContainerList'>[number] {
  if (version >= LIST_HEALTH)
    return { ...summary, NetworkSettings: { Networks: withWholeRequests(summary.NetworkSettings.Networks) } };
  const shaped: ResponseOf<'ContainerList'>[number] = without(summary, ['Health']);
  shaped.NetworkSettings = { Networks: networksFor(version, summary.NetworkSettings.Networks, []) };
  if (version >= GATEWAY_PRIORITY) return shaped;
  delete shaped.ImageManifestDescriptor;
  if (version < LIST_ANNOTATIONS) shaped.HostConfig = { NetworkMode: summary.HostConfig.NetworkMode };
  return shaped;
}

const PREDEFINED = ['bridge', 'host', 'none'];

function networksFor(
  version: number,
  networks: Record<string, EndpointSettings>,
  names: string[],
): ResponseOf<'ContainerInspect'>['NetworkSettings']['Networks'] {
  return Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => {
      const shaped = inOlderOrder(version, endpoint);
      // The short id and the host name were among the aliases of a network of the user's own.
      if (version < NO_ID_ALIASES && names.length > 0 && !PREDEFINED.includes(name))
        shaped.Aliases = [...new Set([...(shaped.Aliases ?? []), ...names])];
      return [name, shaped];
    }),
  );
}

/** The members in the order in which they stood, which a person sees in what `docker inspect` prints. */
function inOlderOrder(
  version: number,
  endpoint: EndpointSettings,
): Omit<EndpointSettings, 'GwPriority'> & { GwPriority?: number } {
  const { IPAMConfig, Links, Aliases, MacAddress, DriverOpts, GwPriority, DNSNames, ...rest } = endpoint;
  const asked = { IPAMConfig, Links, Aliases, MacAddress };
  return version < GATEWAY_PRIORITY
    ? { ...asked, ...rest, DriverOpts, DNSNames }
    : { ...asked, DriverOpts, GwPriority, ...rest, DNSNames };
}

/** Masked paths as engines of before had them, in their order. */
const OLDER_MASKS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
/** The engine's own list in the order of older engines; one that was given stays as it is. */
function inOlderMasks(masked: string[] | null): string[] | null {
  if (!masked || !OLDER_MASKS.every((path) => masked.includes(path))) return masked;
  return [...OLDER_MASKS, ...masked.filter((path) => !OLDER_MASKS.includes(path))];
}
