import { invalidParameter, isKind } from '../../base/errors.ts';
import type { EndpointSettings } from '../../networks/api.ts';
import { linkParts } from '../lifecycle/links.ts';
import type { Context } from '../model/context.ts';
import type { HostConfig } from '../model/types.ts';

/* The references to containers and networks in a create, made ones that a rename does not change. */

const isDefaultMode = (mode: string) => mode === 'bridge' || mode === 'default';

/**
 * The links as the record keeps them. On a network of the user's own a link is a name that is looked up when it is asked
 * for; else it is the container of now, whatever it is named later.
 * @throws invalid-parameter for a target that is not there, or shares the host's network.
 */
export function resolveLinks(context: Context, { NetworkMode, Links }: HostConfig): string[] | null {
  return isDefaultMode(NetworkMode) && Links ? Links.map((link) => resolvedLink(context, link)) : Links;
}

function resolvedLink(context: Context, link: string): string {
  const { target, alias } = linkParts(link);
  try {
    let other = context.registry.lookup(target);
    // A container that shares another's network has the addresses of that one.
    for (let mode = other.record.hostConfig.NetworkMode; mode.startsWith('container:'); ) {
      other = context.registry.lookup(mode.slice('container:'.length));
      mode = other.record.hostConfig.NetworkMode;
    }
    if (other.record.hostConfig.NetworkMode === 'host')
      throw invalidParameter(
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    return `${other.id}:${alias}`;
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
    throw invalidParameter(`could not get container for ${target}: ${(error as Error).message}`);
  }
}

/**
 * Modes that name a container keep its id, so that a rename does not matter; `pod` is one that a container of it may join.
 * @throws invalid-parameter for a container whose processes or memory are to be shared and that is not there.
 */
export function resolveModes(context: Context, host: HostConfig, pod?: string): void {
  const resolve = (mode: string, must: boolean) => {
    if (!/^container:./.test(mode)) return mode;
    const reference = mode.slice('container:'.length);
    if (reference === pod) return mode;
    const other = context.registry.find(reference);
    // Not dockerd's usual status for it: a client takes a 404 here for the image's, and pulls.
    if (!other && must) throw invalidParameter(`No such container: ${reference}`);
    return other ? `container:${other.id}` : mode;
  };
  // A network's container may come later: its absence is told at the start.
  host.NetworkMode = resolve(host.NetworkMode, false);
  host.PidMode = resolve(host.PidMode, true);
  host.IpcMode = resolve(host.IpcMode, true);
}

/** The endpoints of a create by the names of their networks: `default` is the network that the mode was resolved to. */
export function namedEndpoints(
  given: Record<string, Partial<EndpointSettings> | null> | undefined,
  { NetworkMode: mode }: HostConfig,
): Record<string, Partial<EndpointSettings>> {
  const endpoints: Record<string, Partial<EndpointSettings>> = {};
  if (mode.startsWith('container:')) return endpoints;
  for (const [name, settings] of Object.entries(given ?? {}))
    endpoints[name === 'default' ? mode : name] = settings ?? {};
  return endpoints;
}
