import type { DaemonInfo, DiskUsage } from '../../system/index.ts';
import type { ResponseOf } from '../api.ts';
import { summaryFor } from './containers.ts';
import { imageSummaryFor } from './images.ts';
import { SNAPSHOTTER } from './members.ts';

/* The shape of the daemon's own state by API version: members that came later are left out, ones that went are put
   back. */

type Shape = Record<string, unknown>;

/** Versions in which a member appeared, changed or went. */
const NAMED_SECURITY = 25;
const NO_BUILDER_SIZE = 42;
const NO_KERNEL_LIMIT = 42;
const LOOPBACK_OF_IPV6 = 46;
const SEVERAL_PLATFORMS = 48;
const FIREWALL = 49;
const NO_BRIDGE_FILTER = 50;
const DISCOVERED_DEVICES = 50;
const NO_KERNEL_MEMORY = 52;
const USAGE_PER_KIND = 52;
const SNAPSHOTS = 52;

type Info = ResponseOf<'SystemInfo'>;

/** The reply of `/info` as `version` has it. */
export function infoFor(version: number, info: DaemonInfo): Info {
  const shaped: Info & { ExecutionDriver?: string; KernelMemory?: boolean } = { ...info };
  if (version < NO_KERNEL_LIMIT && info.KernelMemoryTCP) shaped.KernelMemory = true;
  const drop = (
    ...names: Array<
      'FirewallBackend' | 'BridgeNfIptables' | 'BridgeNfIp6tables' | 'KernelMemoryTCP' | 'DiscoveredDevices'
    >
  ) => {
    for (const name of names) delete shaped[name];
  };
  if (version < NAMED_SECURITY) {
    shaped.ExecutionDriver = '<not supported>';
    shaped.SecurityOptions = info.SecurityOptions.map(
      (option) => /^name=([^,]*)/.exec(option)?.[1] ?? option,
    );
  }
  if (version < FIREWALL) {
    drop('FirewallBackend');
    // `Expected` of a commit has long been equal to its `ID`.
    for (const name of ['ContainerdCommit', 'RuncCommit', 'InitCommit'] as const) {
      const { ID } = shaped[name];
      shaped[name] = { ID, Expected: ID };
    }
    shaped.RegistryConfig = {
      AllowNondistributableArtifactsCIDRs: null,
      AllowNondistributableArtifactsHostnames: null,
      ...shaped.RegistryConfig,
    };
  }
  if (version < LOOPBACK_OF_IPV6) {
    const networks = info.RegistryConfig['InsecureRegistryCIDRs'] as string[];
    const InsecureRegistryCIDRs = networks.filter((network) => network !== '::1/128');
    shaped.RegistryConfig = { ...shaped.RegistryConfig, InsecureRegistryCIDRs };
  }
  // By this one clients know that the store has images of several platforms.
  if (version >= SEVERAL_PLATFORMS)
    shaped.DriverStatus = [...info.DriverStatus, ['driver-type', 'io.containerd.snapshotter.v1']];
  if (version >= NO_BRIDGE_FILTER) drop('BridgeNfIptables', 'BridgeNfIp6tables');
  if (version < DISCOVERED_DEVICES || info.DiscoveredDevices?.length === 0) drop('DiscoveredDevices');
  if (version >= NO_KERNEL_MEMORY) drop('KernelMemoryTCP');
  if (version >= SNAPSHOTS) {
    shaped.Driver = SNAPSHOTTER;
    shaped.RegistryConfig = { ...shaped.RegistryConfig, Mirrors: info.RegistryConfig['Mirrors'] ?? [] };
  }
  return shaped;
}

/**
 * The reply of `/system/df` as `version` has it. The newest tells a sum for each kind of object that was asked for, with
 * the objects; and the older members of those kinds, unless `verbose` is asked for.
 */
export function diskUsageFor(
  version: number,
  usage: DiskUsage,
  verbose: boolean,
): ResponseOf<'SystemDataUsage'> {
  const images = usage.Images?.map((summary) => imageSummaryFor(version, summary, { counted: true })) ?? null;
  const containers = usage.Containers?.map((summary) => summaryFor(version, summary)) ?? null;
  const older: ResponseOf<'SystemDataUsage'> = {
    LayersSize: usage.LayersSize,
    Images: images,
    Containers: containers,
    Volumes: usage.Volumes,
    BuildCache: usage.BuildCache,
  };
  const cached = (usage.BuildCache ?? []).reduce((sum, record) => sum + record.Size, 0);
  if (version < NO_BUILDER_SIZE && cached > 0) older.BuilderSize = cached;
  if (version < USAGE_PER_KIND) return older;
  const sums: Shape = { ...usage.sums };
  for (const [name, items] of Object.entries({
    ImageUsage: images,
    ContainerUsage: containers,
    VolumeUsage: usage.Volumes,
    BuildCacheUsage: usage.BuildCache,
  }))
    if (sums[name] && items && items.length > 0) sums[name] = withItems(sums[name] as Shape, items);
  if (verbose) return sums;
  const asked = Object.fromEntries(
    Object.entries(older).filter(([, value]) => value !== null && value !== 0),
  );
  return { ...asked, ...sums };
}

/** Members are in the order of their names, as dockerd sends them. */
function withItems({ ActiveCount, ...rest }: Shape, Items: unknown[]): Shape {
  return { ...(ActiveCount !== undefined && { ActiveCount }), Items, ...rest };
}
