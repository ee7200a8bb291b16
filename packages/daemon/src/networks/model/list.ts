import { invalidParameter } from '../../base/errors.ts';
import { checkFilters } from '../../base/filters.ts';
import { filterMatcher } from '../../patterns/expression.ts';
import type { Context } from './context.ts';
import type { NetworkRecord } from './records.ts';

type Filters = Record<string, string[]>;

const LIST = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
const PRUNE = ['label', 'label!', 'until'];

const hasLabel = ({ labels }: NetworkRecord, wanted: string) => {
  const equals = wanted.indexOf('=');
  return equals < 0
    ? Object.hasOwn(labels, wanted)
    : labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
};

/** The networks that pass a list's filters. @throws invalid-parameter for a wrong filter. */
export async function listed(context: Context, filters: Filters): Promise<NetworkRecord[]> {
  checkFilters(filters, LIST);
  const { catalogue, members } = context;
  const { driver = [], id = [], label = [], name = [], scope = [], type = [] } = filters;
  for (const value of type)
    if (value !== 'custom' && value !== 'builtin')
      throw invalidParameter(`invalid filter: 'type'='${value}'`);
  const isIdentified = id.length === 0 ? () => true : await filterMatcher(id);
  const isNamed = name.length === 0 ? () => true : await filterMatcher(name);
  const dangling = booleanFilter(filters['dangling']);
  const isUsed = (network: NetworkRecord) =>
    catalogue.isPredefined(network) || members.of(network.id).size > 0;
  return catalogue
    .all()
    .filter(
      (network) =>
        (driver.length === 0 || driver.includes(network.configOnly ? 'null' : network.driver)) &&
        isIdentified(network.id) &&
        isNamed(network.name) &&
        (scope.length === 0 || scope.includes(network.scope ?? 'local')) &&
        label.every((wanted) => hasLabel(network, wanted)) &&
        (type.length === 0 || type.includes(catalogue.isPredefined(network) ? 'builtin' : 'custom')) &&
        (dangling === undefined || dangling !== isUsed(network)),
    );
}

function booleanFilter(values: string[] | undefined): boolean | undefined {
  if (!values) return undefined;
  if (values.length > 1) throw invalidParameter('got more than one value for filter key "dangling"');
  if (['1', 'true'].includes(values[0]!)) return true;
  if (['0', 'false'].includes(values[0]!)) return false;
  throw invalidParameter(
    'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
  );
}

/** The networks that a prune removes: not predefined, without members, older than `until`. */
export function prunable(context: Context, filters: Filters): NetworkRecord[] {
  checkFilters(filters, PRUNE);
  const { catalogue, members } = context;
  const { label = [], until = [] } = filters;
  if (until.length > 1) throw invalidParameter('more than one until filter specified');
  const before = until[0] === undefined ? Number.POSITIVE_INFINITY : instant(until[0]);
  return catalogue
    .all()
    .filter(
      (network) =>
        !catalogue.isPredefined(network) &&
        !network.configOnly &&
        members.of(network.id).size === 0 &&
        Date.parse(network.created) <= before &&
        label.every((wanted) => hasLabel(network, wanted)) &&
        (filters['label!'] ?? []).every((unwanted) => !hasLabel(network, unwanted)),
    );
}

const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A point in time: a Go duration before now, seconds since the epoch, or an RFC 3339 time. In milliseconds. */
function instant(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) {
    let total = 0;
    for (const [, value, , unit] of text.matchAll(/(\d+(\.\d+)?)(h|ms|m|s)/g))
      total += Number(value) * UNITS[unit!]!;
    return Date.now() - total;
  }
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return time;
}
