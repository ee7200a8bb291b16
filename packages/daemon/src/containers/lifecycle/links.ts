import type { Container } from '../model/container.ts';
import type { ContainerRecord } from '../model/types.ts';

/** A link `NAME:ALIAS`, as clients give it: the alias is the name when there is none, and may begin with a path. */
export function linkParts(link: string): { target: string; alias: string } {
  const [target = '', alias = target] = link.split(':');
  return { target: target.replace(/^\//, ''), alias: alias.replace(/^.*\//, '') };
}

/** The links of a container that are those of the default bridge; on other networks a link is a name of the network. */
export function bridgeLinks({
  hostConfig: { NetworkMode, Links },
}: ContainerRecord): ReturnType<typeof linkParts>[] {
  return NetworkMode === 'bridge' || NetworkMode === 'default' ? (Links ?? []).map(linkParts) : [];
}

/** The names that links give to containers (`PARENT/ALIAS`), by the id of the linked one. */
export function linkNames(
  containers: Iterable<Container>,
  find: (name: string) => Container | undefined,
): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { record } of containers) {
    for (const { target, alias } of bridgeLinks(record)) {
      const other = find(target);
      if (other) names.set(other.id, [...(names.get(other.id) ?? []), `${record.name}/${alias}`]);
    }
  }
  return names;
}

/**
 * The variables by which a container on the default bridge knows those that it is linked to, as Docker's legacy links
 * make them: where each exposed port is, the link's name, and the other's own variables.
 */
export function linkVariables(container: Container, find: (name: string) => Container | undefined): string[] {
  if (container.record.noLinkVariables) return [];
  return bridgeLinks(container.record).flatMap(({ target, alias }) => {
    const other = find(target);
    return other ? variablesOf(container.record.name, alias, other) : [];
  });
}

function variablesOf(parent: string, alias: string, other: Container): string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const { record, network } = other.snapshot();
  const address = network.endpoints['bridge']?.IPAddress ?? '';
  const ports = [
    ...new Set([
      ...Object.keys(record.config.ExposedPorts ?? {}),
      ...Object.keys(record.hostConfig.PortBindings ?? {}),
    ]),
  ]
    .map((port) => port.split('/'))
    .map(([port = '', protocol = 'tcp']) => ({ port: Number(port), protocol }))
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
  const where = ({ port, protocol }: (typeof ports)[number]) => `${protocol}://${address}:${port}`;
  const out = ports[0] ? [`${prefix}_PORT=${where(ports[0])}`] : [];
  for (const each of ports) {
    const one = `${prefix}_PORT_${each.port}_${each.protocol.toUpperCase()}`;
    out.push(
      `${one}=${where(each)}`,
      `${one}_ADDR=${address}`,
      `${one}_PORT=${each.port}`,
      `${one}_PROTO=${each.protocol}`,
    );
  }
  out.push(`${prefix}_NAME=/${parent}/${alias}`);
  for (const entry of record.config.Env ?? []) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !['HOME', 'PATH'].includes(entry.slice(0, equals))) out.push(`${prefix}_ENV_${entry}`);
  }
  return out;
}
