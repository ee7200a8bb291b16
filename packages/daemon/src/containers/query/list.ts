import { nowNanos } from '../../base/time.ts';
import type { EndpointSettings, NetworkState } from '../../networks/api.ts';
import { Slices } from '../../patterns/slices.ts';
import type { ListOptions } from '../api.ts';
import { linkNames } from '../lifecycle/links.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { ContainerSummary, ShownPort } from '../model/shown.ts';
import { statusText } from '../model/status.ts';
import type { ContainerSnapshot } from '../model/types.ts';
import { compileFilters } from './filters.ts';
import { endpointsOf, shownMount } from './inspect.ts';

/** GET /containers/json, newest first. */
export async function listContainers(
  context: Context,
  options: ListOptions,
  sizeOf: (container: Container) => Promise<{ rw: number; rootFs: number }>,
): Promise<ContainerSummary[]> {
  const { tests, all } = await compileFilters(context, options.filters);
  const named = imageNames(context);
  const linked = linkNames(context.registry.all(), (name) => context.registry.find(name));
  const wanted = options.all || options.limit > 0 || all;
  const now = nowNanos();
  // The registry is in the order of creation.
  const containers = [...context.registry.all()]
    .filter((container) => wanted || container.alive || container.state.status === 'restarting')
    .reverse();
  const chosen: Container[] = [];
  const slices = new Slices();
  for (const container of containers) {
    if (options.limit > 0 && chosen.length >= options.limit) break;
    if (slices.due()) await slices.next();
    const snapshot = container.snapshot();
    if (tests.every((test) => test(snapshot, container))) chosen.push(container);
  }
  // The sizes are asked for at once, as the helper then counts them together; a container that goes meanwhile has none.
  const sizes = options.size
    ? await Promise.all(chosen.map((one) => sizeOf(one).catch(() => undefined)))
    : [];
  const summaries: ContainerSummary[] = [];
  for (const [index, container] of chosen.entries()) {
    if (slices.due()) await slices.next();
    summaries.push(summary(context, container.snapshot(), linked, named, now, sizes[index]));
  }
  return summaries;
}

function summary(
  { rooms }: Context,
  { record, state, health, network }: ContainerSnapshot,
  linked: Map<string, string[]>,
  named: (name: string, id: string) => string,
  now: bigint,
  size: { rw: number; rootFs: number } | undefined,
): ContainerSummary {
  const manifest = rooms.images.manifest(record.imageId);
  return {
    Id: record.id,
    Names: [record.name, ...(linked.get(record.id) ?? [])].sort().map((name) => `/${name}`),
    Image: named(record.imageName, record.imageId),
    ImageID: record.imageId,
    ...(manifest && { ImageManifestDescriptor: manifest }),
    Command: command(record.path, record.args),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: shownPorts(network),
    ...(size && { ...(size.rw > 0 && { SizeRw: size.rw }), SizeRootFs: size.rootFs }),
    Labels: record.config.Labels,
    State: state.status,
    Status: statusText(state, health, now),
    HostConfig: {
      NetworkMode: record.hostConfig.NetworkMode,
      ...(record.hostConfig.Annotations && { Annotations: record.hostConfig.Annotations }),
    },
    NetworkSettings: { Networks: listedEndpoints(endpointsOf(record, network)) },
    Mounts: record.mounts.map(shownMount),
    Health: { Status: health?.Status ?? 'none', FailingStreak: health?.FailingStreak ?? 0 },
  };
}

/**
 * The name that a container was made of, or the id when that name now means another image. An image of several platforms
 * is meant by its name for each of them.
 */
function imageNames({ rooms: { images } }: Context): (name: string, id: string) => string {
  const known = new Map<string, boolean>();
  const means = (name: string, id: string) => {
    try {
      if (images.resolve(name).id === id) return true;
      const own = images.get(id);
      if (!own) return false;
      const { os, architecture, variant } = own.config;
      const platform = [os, architecture, ...(variant ? [variant] : [])].join('/');
      return images.resolve(name, { platform }).id === id;
    } catch {
      return false;
    }
  };
  return (name, id) => {
    const key = `${id} ${name}`;
    const same = known.get(key) ?? means(name, id);
    known.set(key, same);
    return same ? name : id;
  };
}

/** Program and arguments in one line; words with blanks in quotes. */
function command(path: string, args: string[]): string {
  const quoted = args.map((word) => (word.includes(' ') ? `'${word}'` : word));
  return [path, ...quoted].join(' ');
}

function shownPorts(network: NetworkState): ShownPort[] {
  return Object.entries(network.ports).flatMap(([port, bindings]) => {
    const [number, Type = 'tcp'] = port.split('/');
    const PrivatePort = Number(number);
    if (!bindings?.length) return [{ PrivatePort, Type }];
    return bindings.map(({ HostIp, HostPort }) => ({
      ...(HostIp && { IP: HostIp }),
      PrivatePort,
      PublicPort: Number(HostPort),
      Type,
    }));
  });
}

/** Endpoints without what only an inspect tells: links and names. */
function listedEndpoints(endpoints: Record<string, EndpointSettings>): Record<string, EndpointSettings> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([name, endpoint]) => [
      name,
      { ...endpoint, Links: null, Aliases: null, DNSNames: null },
    ]),
  );
}
