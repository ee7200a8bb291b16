/* What older clients are served of a container: members that came later are left out, ones that went are put back. */

type Shape = Record<string, unknown>;

/** Versions in which a member appeared or changed. */
const NO_ID_ALIASES = 45;
const LIST_ANNOTATIONS = 46;
const GATEWAY_PRIORITY = 48;

/** The inspected container as `version` has it. */
export function inspectFor(version: number, container: Shape): Shape {
  if (version >= GATEWAY_PRIORITY) return container;
  const settings = container['NetworkSettings'] as Shape;
  const { Hostname } = container['Config'] as { Hostname: string };
  const id = (container['Id'] as string).slice(0, 12);
  return {
    ...container,
    NetworkSettings: {
      ...settings,
      Networks: networksFor(version, settings['Networks'] as Record<string, Shape>, [id, Hostname]),
    },
  };
}

/** An entry of the list as `version` has it. */
export function summaryFor(version: number, summary: Shape): Shape {
  if (version >= GATEWAY_PRIORITY) return summary;
  const { Networks } = summary['NetworkSettings'] as { Networks: Record<string, Shape> };
  const shaped: Shape = { ...summary, NetworkSettings: { Networks: networksFor(version, Networks, []) } };
  if (version < LIST_ANNOTATIONS) {
    const { NetworkMode } = summary['HostConfig'] as { NetworkMode: string };
    shaped['HostConfig'] = { NetworkMode };
  }
  return shaped;
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
