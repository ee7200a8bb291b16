import { invalidParameter, notFound } from '../../base/errors.ts';
import { checkFilters } from '../../base/filters.ts';
import { NEVER, parseRfc3339 } from '../../base/time.ts';
import type { Image } from '../../images/api.ts';
import type { NetworkState } from '../../networks/api.ts';
import { filterMatcher } from '../../patterns/expression.ts';
import { booleanFilter, hasLabel } from '../../volumes/checks.ts';
import { withProtocol } from '../create/config.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { ContainerSnapshot, Status } from '../model/types.ts';
import { endpointsOf } from './inspect.ts';

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

/**
 * The filters of a list as tests that a container has to pass, all of them. `all`: containers that do not run are wanted, too.
 * @throws invalid-parameter for a filter or a value that is not known, not-found for containers of `before` and `since`
 */
export async function compileFilters(context: Context, filters: Record<string, string[]>) {
  checkFilters(filters, FILTERS);
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
    // As for dockerd a value is the beginning of one id.
    const meant = context.registry.meantIds(ids);
    tests.push(({ record }) => meant.has(record.id));
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
    // As dockerd has it: what one that runs exposes, published or not.
    portTest('expose', ({ network }) => Object.keys(network.ports)),
  );
  const ancestors = values('ancestor');
  if (ancestors) {
    const ids = new Set(ancestors.flatMap((name) => descendants(context, name)));
    tests.push(({ record }) => ids.has(record.imageId));
  }
  const created = (text: string) => parseRfc3339(text) ?? 0n;
  for (const name of ['before', 'since'] as const) {
    const limits = values(name)?.map((reference) => {
      if (reference === '') throw notFound('No such container: ');
      return created(context.registry.lookup(reference).record.created);
    });
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
