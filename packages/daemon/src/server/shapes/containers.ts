/* The shape of a container for older clients: members that came later are left out, ones that went are put back. */

type Shape = Record<string, unknown>;

/** Versions in which a member appeared or changed. */
const NO_ID_ALIASES = 45;
const LIST_ANNOTATIONS = 46;
/** With the manifest of the image. */
const GATEWAY_PRIORITY = 48;
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
];

/** The inspected container as `version` has it. */
export function inspectFor(version: number, container: Shape): Shape {
  const settings = container['NetworkSettings'] as Shape;
  const config = container['Config'] as { Hostname: string; OnBuild: unknown };
  if (version >= NETWORKS_ONLY)
    return {
      ...container,
      Config: without(config, ['MacAddress', ...(config.OnBuild === null ? ['OnBuild'] : [])]),
      NetworkSettings: without(settings, FIRST_NETWORK),
    };
  if (version >= GATEWAY_PRIORITY) return container;
  const id = (container['Id'] as string).slice(0, 12);
  return {
    ...without(container, ['ImageManifestDescriptor']),
    NetworkSettings: {
      ...settings,
      Networks: networksFor(version, settings['Networks'] as Record<string, Shape>, [id, config.Hostname]),
    },
  };
}

/** An entry of the list as `version` has it. */
export function summaryFor(version: number, summary: Shape): Shape {
  if (version >= LIST_HEALTH) return summary;
  const shaped = without(summary, ['Health']);
  if (version >= GATEWAY_PRIORITY) return shaped;
  delete shaped['ImageManifestDescriptor'];
  const { Networks } = summary['NetworkSettings'] as { Networks: Record<string, Shape> };
  shaped['NetworkSettings'] = { Networks: networksFor(version, Networks, []) };
  if (version < LIST_ANNOTATIONS) {
    const { NetworkMode } = summary['HostConfig'] as { NetworkMode: string };
    shaped['HostConfig'] = { NetworkMode };
  }
  return shaped;
}

function without(shape: object, names: readonly string[]): Shape {
  const rest: Shape = { ...shape };
  for (const name of names) delete rest[name];
  return rest;
}

const PREDEFINED = ['bridge', 'host', 'none'];

function networksFor(
  version: number,
  networks: Record<string, Shape>,
  names: string[],
): Record<string, Shape> {
  return Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => {
      const { GwPriority: _, ...shaped } = endpoint;
      // The short id and the host name were among the aliases of a network of the user's own.
      if (version < NO_ID_ALIASES && names.length > 0 && !PREDEFINED.includes(name))
        shaped['Aliases'] = [...new Set([...((shaped['Aliases'] as string[] | null) ?? []), ...names])];
      return [name, shaped];
    }),
  );
}
