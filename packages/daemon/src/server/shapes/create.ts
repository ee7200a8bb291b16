import { invalidParameter } from '../../base/errors.ts';
import type { CreateBody, CreateOptions, MountSpec } from '../../containers/api.ts';
import type { EndpointSettings } from '../../networks/api.ts';
import { SINCE } from './since.ts';

/* The body of a create of an older client: what each version of the API knew, meant and warned of. */

/** Versions from which a create knows something, or no longer does. */
const AUTO_REMOVE = 25;
const NON_RECURSIVE = 40;
const PRIVATE_IPC = 40;
const PRIVATE_CGROUPNS = 41;
const CREATE_MOUNTPOINT = 42;
const ANNOTATIONS = 43;
const READ_ONLY_RECURSIVE = 44;
const SEVERAL_ENDPOINTS = 44;
const SUBPATH = 45;
const MIGRATION_TOLD = 46;
const LIMITS_IN_HOST = 48;
const GATEWAY_PRIORITY = 48;
const IMAGE_MOUNT = 48;
const SYSCTL_OF_INTERFACE = 48;
const VOLUME_DRIVER_WARNING = 48;
const EMPTY_BINDINGS_WARNING = 52;
const ENDPOINT_MAC_ONLY = 52;
const BARE_EOF = 52;

type Endpoints = Record<string, Partial<EndpointSettings>>;

/** A create as its version means it, for the room of containers. */
interface Create extends Omit<CreateOptions, 'name' | 'platform'> {
  /** Texts for the client, after those of the room. */
  warnings: string[];
}

/**
 * A create as `version` means it: what came later is left out, as the daemons of that time did, or refused where leaving
 * it out would be taken for having it.
 * @throws invalid-parameter with dockerd's texts.
 */
export function createFor(version: number, body: CreateBody | null | undefined): Create {
  if (body === null) throw invalidParameter('config cannot be empty in order to create a container');
  if (body === undefined)
    throw invalidParameter(
      `invalid JSON: ${version >= BARE_EOF ? 'EOF' : 'got EOF while reading request body'}`,
    );
  return {
    ...bodyFor(version, body),
    anonymousMounts: version >= SINCE.anonymousMounts,
    noLinkVariables: version >= SINCE.noLinkVariables,
    anySubnet: version >= SINCE.anySubnet,
    shallowReadOnly: version < READ_ONLY_RECURSIVE,
    hostCgroupnsOnV1: version < PRIVATE_CGROUPNS,
  };
}

function bodyFor(version: number, body: CreateBody): Pick<Create, 'body' | 'warnings'> {
  const host: Record<string, unknown> = { ...body.HostConfig, ...limitsBeside(body, version) };
  const endpoints: Endpoints = { ...body.NetworkingConfig?.EndpointsConfig };
  const warnings: string[] = [];
  if (version < AUTO_REMOVE) host['AutoRemove'] = false;
  if (version < PRIVATE_IPC) host['IpcMode'] ||= 'shareable';
  if (version < CREATE_MOUNTPOINT) host['ConsoleSize'] = [0, 0];
  if (version < ANNOTATIONS) delete host['Annotations'];
  if (Array.isArray(host['Mounts']))
    host['Mounts'] = (host['Mounts'] as MountSpec[]).map((mount) => mountFor(mount, version));
  if (version < GATEWAY_PRIORITY)
    for (const [name, { GwPriority: _, ...rest }] of Object.entries(endpoints)) endpoints[name] = rest;
  warnings.push(...moveSysctls(host, endpoints, version));
  warnings.push(...checkEndpoints(host, endpoints, body['MacAddress'], version));
  if (version >= VOLUME_DRIVER_WARNING && ambiguousDriver(host))
    warnings.push(
      "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. Use '--mount type=volume,volume-driver=...' instead",
    );
  const empty = Object.entries((host['PortBindings'] ?? {}) as Record<string, unknown[] | null>)
    .filter(([, bindings]) => !bindings?.length)
    .map(([port]) => port);
  if (version >= EMPTY_BINDINGS_WARNING && empty.length > 0)
    warnings.push(
      `Following container port(s) have an empty list of port-bindings: ${empty.join(', ')}. Starting with API 1.53, such bindings will be discarded.`,
    );
  return {
    body: {
      ...body,
      ...(Object.keys(host).length > 0 && { HostConfig: host }),
      ...(Object.keys(endpoints).length > 0 && {
        NetworkingConfig: { ...body.NetworkingConfig, EndpointsConfig: endpoints },
      }),
      ...(version < READ_ONLY_RECURSIVE && body['Healthcheck']
        ? { Healthcheck: { ...body['Healthcheck'], StartInterval: 0 } }
        : {}),
    },
    warnings,
  };
}

/** Limits that stood beside HostConfig before API 1.18. */
const BESIDE_HOST = ['Memory', 'MemorySwap', 'CpuShares', 'CpusetCpus', 'VolumeDriver'] as const;

/**
 * Limits that a client gives beside HostConfig, where HostConfig does not have them: dockerd took them until 27, so
 * that a limit asked for in the old way was not lost.
 */
function limitsBeside(body: CreateBody, version: number): Record<string, unknown> {
  if (version >= LIMITS_IN_HOST) return {};
  return Object.fromEntries(
    BESIDE_HOST.filter((name) => body[name] && !body.HostConfig?.[name]).map((name) => [name, body[name]]),
  );
}

function mountFor(mount: MountSpec, version: number): MountSpec {
  const shaped = { ...mount, ...(mount.BindOptions && { BindOptions: { ...mount.BindOptions } }) };
  if (version < NON_RECURSIVE) delete shaped.BindOptions?.NonRecursive;
  if (version < CREATE_MOUNTPOINT) {
    delete shaped.BindOptions?.CreateMountpoint;
    if (shaped.Type !== 'volume') delete shaped.VolumeOptions;
    if (shaped.Type !== 'tmpfs') delete shaped.TmpfsOptions;
  }
  if (version < READ_ONLY_RECURSIVE && shaped.Type === 'bind') {
    if (shaped.BindOptions?.ReadOnlyForceRecursive)
      throw invalidParameter('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
    // Read-only did not extend to mounts below at that API version.
    if (shaped.ReadOnly) shaped.BindOptions = { ...shaped.BindOptions, ReadOnlyNonRecursive: true };
  }
  if (version < SUBPATH && shaped.VolumeOptions?.Subpath)
    throw invalidParameter('VolumeOptions.Subpath needs API v1.45 or newer');
  if (version < IMAGE_MOUNT && shaped.Type === 'image')
    throw invalidParameter('invalid mount config for type "image": mount type unknown');
  return shaped;
}

const OPTION = 'com.docker.network.endpoint.sysctls';

/**
 * How many networks a container may be created on, and who says its MAC address there.
 * @throws invalid-parameter for several networks, or for two different MAC addresses.
 */
function checkEndpoints(
  host: Record<string, unknown>,
  endpoints: Endpoints,
  mac: unknown,
  version: number,
): string[] {
  const names = Object.keys(endpoints);
  if (version < SEVERAL_ENDPOINTS && names.length > 1)
    throw invalidParameter(
      `Container cannot be created with multiple network endpoints: ${names.sort().join(', ')}`,
    );
  if (!mac || version < SEVERAL_ENDPOINTS) return [];
  if (version >= ENDPOINT_MAC_ONLY)
    throw invalidParameter(
      'container-wide MAC address no longer supported; use endpoint-specific MAC address instead',
    );
  const mode = (host['NetworkMode'] as string | undefined) || 'default';
  const main = ['default', 'bridge'].includes(mode)
    ? (endpoints['default'] ?? endpoints['bridge'])
    : endpoints[mode];
  if (main?.MacAddress && main.MacAddress !== mac)
    throw invalidParameter(
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    );
  return [
    'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.',
  ];
}

/** A kernel setting of an interface is its endpoint's: older clients name it among the container's, for `eth0` alone. */
function moveSysctls(host: Record<string, unknown>, endpoints: Endpoints, version: number): string[] {
  const mode = (host['NetworkMode'] as string | undefined) || 'default';
  if (mode === 'host' || mode.startsWith('container:')) return [];
  const sysctls = { ...(host['Sysctls'] as Record<string, string> | undefined) };
  const moved = Object.entries(sysctls).flatMap(([name, value]) => {
    const [, family, kind, device, rest] = /^net\.([^.]+)\.([^.]+)\.(eth[^.]*)\.(.+)$/.exec(name) ?? [];
    if (device === undefined) return [];
    if (version >= SYSCTL_OF_INTERFACE)
      throw invalidParameter(
        `interface specific sysctl setting ${JSON.stringify(name)} must be supplied using driver option '${OPTION}'`,
      );
    if (device !== 'eth0')
      throw invalidParameter(
        `unable to determine network endpoint for sysctl ${name}, use driver option '${OPTION}' to set per-interface sysctls`,
      );
    return [{ name, option: `net.${family}.${kind}.IFNAME.${rest}=${value}` }];
  });
  if (moved.length === 0) return [];
  const [first] = Object.keys(endpoints);
  const key = version < READ_ONLY_RECURSIVE ? (first ?? mode) : mode;
  if (first !== undefined && endpoints[key] === undefined)
    throw invalidParameter(
      `unable to find a network for sysctl ${moved[0]!.name}: HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks`,
    );
  const option = moved.map((each) => each.option).join(',');
  const own = endpoints[key]?.DriverOpts?.[OPTION];
  endpoints[key] = {
    ...endpoints[key],
    DriverOpts: { ...endpoints[key]?.DriverOpts, [OPTION]: own ? `${option},${own}` : option },
  };
  for (const { name } of moved) delete sysctls[name];
  host['Sysctls'] = sysctls;
  const names = moved.map(({ name }) => name).join(',');
  // To clients of engines that knew no such option, nothing was migrated.
  if (version < MIGRATION_TOLD) return [];
  return [
    `Migrated sysctl ${JSON.stringify(names)} to DriverOpts{${JSON.stringify(OPTION)}:${JSON.stringify(option)}}.`,
  ];
}

/** A driver for all volumes means nothing to one of Mounts without a driver of its own. */
function ambiguousDriver(host: Record<string, unknown>): boolean {
  return (
    Boolean(host['VolumeDriver']) &&
    ((host['Mounts'] ?? []) as MountSpec[]).some(
      ({ Type, VolumeOptions }) => Type === 'volume' && !VolumeOptions?.DriverConfig?.Name,
    )
  );
}
