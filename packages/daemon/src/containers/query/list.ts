import { invalidParameter } from '../../base/errors.ts';
import { NEVER, nowNanos, parseRfc3339 } from '../../base/time.ts';
import type { Image } from '../../images/api.ts';
import type { EndpointSettings, NetworkState } from '../../networks/api.ts';
import { filterMatcher } from '../../patterns/expression.ts';
import { Slices } from '../../patterns/slices.ts';
import { booleanFilter, hasLabel } from '../../volumes/checks.ts';
import type { ListOptions } from '../api.ts';
import { withProtocol } from '../create/config.ts';
import { linkNames } from '../lifecycle/links.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { ContainerSummary, ShownPort } from '../model/shown.ts';
import { statusText } from '../model/status.ts';
import type { ContainerSnapshot, Status } from '../model/types.ts';
import { endpointsOf, shownMount } from './inspect.ts';

const FILTERS = [
  'ancestor',
  'before',
  'exited',
  'id',
  'isolation',
  'label',
  'name',
  'status',
  'health',
  'since',
  'volume',
  'network',
  'is-task',
  'publish',
  'expose',
];
const STATUSES: readonly Status[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
];
const HEALTHS = ['none', 'starting', 'healthy', 'unhealthy'];

type Test = (snapshot: ContainerSnapshot, container: Container) => boolean;

/** GET /containers/json, newest first. */
export async function listContainers(
  context: Context,
  options: ListOptions,
  sizeOf: (container: Container) => Promise<{ rw: number; rootFs: number }>,
): Promise<ContainerSummary[]> {
  const { tests, all } = await compile(context, options.filters);
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
  // Asked for at once, they are counted together; one that goes meanwhile has none.
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

/** The filters as tests, with all that can be wrong of them told. `all`: stopped ones are wanted too. */
async function compile(context: Context, filters: Record<string, string[]>) {
  for (const name of Object.keys(filters)) {
    if (!FILTERS.includes(name)) throw invalidParameter(`invalid filter '${name}'`);
  }
  const tests: Test[] = [];
  const values = (name: string) => (filters[name]?.length ? filters[name] : undefined);
  const any = (name: string, test: (value: string) => Test) => {
    const given = values(name)?.map(test);
    if (given) tests.push((snapshot, container) => given.some((one) => one(snapshot, container)));
  };
  booleanFilter(filters, 'is-task');
  // No container of ours is a task of a swarm.
  if (values('is-task')?.some((value) => value === 'true' || value === '1')) tests.push(() => false);

  const exited = values('exited')?.map((value) => {
    if (!/^[+-]?\d+$/.test(value))
      throw invalidParameter(
        `invalid filter 'exited=${value}': strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    return Number(value);
  });
  if (exited)
    tests.push(({ state }) => {
      const down = state.status === 'exited' || state.status === 'dead' || state.status === 'created';
      return down && state.startedAt !== NEVER && exited.includes(state.exitCode);
    });
  any('status', (value) => {
    if (!STATUSES.includes(value as Status)) throw invalidParameter(`invalid filter 'status=${value}'`);
    return ({ state }) => state.status === value;
  });
  any('health', (value) => {
    if (!HEALTHS.includes(value)) throw invalidParameter(`unrecognized filter value for health: ${value}`);
    return ({ health }) => (health?.Status ?? 'none') === value;
  });
  const ids = values('id');
  if (ids) {
    const matches = await filterMatcher(ids);
    tests.push(({ record }) => matches(record.id));
  }
  const names = values('name');
  if (names) {
    const matches = await filterMatcher(names);
    // A pattern may be written with the slash that names begin with, or without.
    tests.push(({ record }) => matches(`/${record.name}`) || matches(record.name));
  }
  const labels = values('label');
  if (labels) tests.push(({ record }) => labels.every((label) => hasLabel(record.config.Labels, label)));
  any(
    'isolation',
    (value) =>
      ({ record }) =>
        (record.hostConfig.Isolation || 'default') === value,
  );
  any(
    'volume',
    (value) =>
      ({ record }) =>
        record.mounts.some(
          (point) =>
            point.Name === value ||
            point.Destination === value ||
            (point.Type === 'bind' && point.Source === value),
        ),
  );
  any('network', (value) => {
    // Once per list: an inspect tells of all members of the network.
    const id = networkId(context, value);
    return ({ record, network }) =>
      Object.entries(endpointsOf(record, network)).some(
        ([name, { NetworkID }]) => name === value || (NetworkID !== '' && NetworkID === id),
      );
  });
  any(
    'publish',
    portTest('publish', ({ network }) => publishedPorts(network)),
  );
  any(
    'expose',
    portTest('expose', ({ record }) => Object.keys(record.config.ExposedPorts ?? {})),
  );
  const ancestors = values('ancestor');
  if (ancestors) {
    const ids = new Set(ancestors.flatMap((name) => descendants(context, name)));
    tests.push(({ record }) => ids.has(record.imageId));
  }
  const created = (text: string) => parseRfc3339(text) ?? 0n;
  for (const name of ['before', 'since'] as const) {
    const limits = values(name)?.map((reference) =>
      created(context.registry.lookup(reference).record.created),
    );
    if (limits)
      tests.push(({ record }) => {
        const own = created(record.created);
        return limits.every((limit) => (name === 'before' ? own < limit : own > limit));
      });
  }
  return { tests, all: values('status') !== undefined };
}

function networkId(context: Context, reference: string): string {
  try {
    return context.rooms.networks.inspect(reference).Id;
  } catch {
    return '\0';
  }
}

/** An image and all that were made from it. */
function descendants(context: Context, reference: string): string[] {
  let root: Image;
  try {
    root = context.rooms.images.resolve(reference);
  } catch {
    return [];
  }
  const found = new Set([root.id]);
  const images = context.rooms.images.list();
  for (let grown = true; grown; ) {
    grown = false;
    for (const image of images) {
      if (found.has(image.id) || !found.has(image.parent)) continue;
      found.add(image.id);
      grown = true;
    }
  }
  return [...found];
}

function portTest(filter: string, ports: (snapshot: ContainerSnapshot) => string[]) {
  return (value: string): Test => {
    const [range = '', protocol = 'tcp'] = value.split('/');
    const [from = '', to = from] = range.split('-');
    for (const number of [from, to]) {
      const wrong = !/^\d+$/.test(number) ? 'invalid syntax' : Number(number) > 65535 && 'value out of range';
      if (wrong)
        throw invalidParameter(
          `error while looking up for ${filter} ${value}: strconv.ParseUint: parsing ${JSON.stringify(number)}: ${wrong}`,
        );
    }
    if (Number(to) < Number(from))
      throw invalidParameter(
        `error while looking up for ${filter} ${value}: Invalid range specified for the Port: ${range}`,
      );
    return (snapshot) =>
      ports(snapshot).some((port) => {
        const [number, kind] = withProtocol(port).split('/');
        return kind === protocol && Number(number) >= Number(from) && Number(number) <= Number(to);
      });
  };
}

/** Ports of the host, `8080/tcp`. */
function publishedPorts(network: NetworkState): string[] {
  return Object.entries(network.ports).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostPort }) => `${HostPort}/${port.split('/')[1] ?? 'tcp'}`),
  );
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

/** The name that a container was made of, or the id when that name now means another image. */
function imageNames(context: Context): (name: string, id: string) => string {
  const known = new Map<string, string | undefined>();
  const resolve = (name: string) => {
    try {
      return context.rooms.images.resolve(name).id;
    } catch {
      return undefined;
    }
  };
  return (name, id) => {
    if (!known.has(name)) known.set(name, resolve(name));
    return known.get(name) === id ? name : id;
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
