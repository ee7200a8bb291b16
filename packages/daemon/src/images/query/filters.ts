import { parseDuration } from '../../base/durations.ts';
import { invalidParameter } from '../../base/errors.ts';
import { unixNanos } from '../config.ts';

export type Filters = Record<string, string[]>;

/**
 * A filter that is true or false.
 * @throws invalid-parameter `invalid filter 'dangling=[maybe]'`.
 */
export function booleanFilter(filters: Filters, name: string, otherwise: boolean): boolean {
  const values = filters[name];
  if (values === undefined || values.length === 0) return otherwise;
  // Values that are none are passed over among several: `image prune` adds its own to what a user gives.
  const yes = values.includes('1') || values.includes('true');
  const no = values.includes('0') || values.includes('false');
  if (yes !== no) return yes;
  throw invalidParameter(`invalid filter '${name}=[${values.join(' ')}]'`);
}

/** Whether labels pass `label` (all of `key` or `key=value`) and `label!` (none of them) filters. */
export function matchesLabels(filters: Filters, labels: Record<string, string> = {}): boolean {
  const has = (wanted: string) => {
    const equals = wanted.indexOf('=');
    return equals === -1
      ? Object.hasOwn(labels, wanted)
      : Object.hasOwn(labels, wanted.slice(0, equals)) &&
          labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
  };
  return (filters['label'] ?? []).every(has) && !(filters['label!'] ?? []).some(has);
}

/**
 * The `until` filter as nanoseconds since the epoch: a time, Unix seconds, or a duration before now.
 * @throws invalid-parameter with dockerd's text.
 */
export function untilFilter(filters: Filters): bigint | undefined {
  const values = filters['until'] ?? [];
  if (values.length > 1) throw invalidParameter('more than one until filter specified');
  return earliestUntil(filters);
}

/** As `untilFilter`, where several may stand: the earliest of them counts. */
export function earliestUntil(filters: Filters): bigint | undefined {
  const times = (filters['until'] ?? []).map(untilTime);
  return times.toSorted((left, right) => (left < right ? -1 : 1))[0];
}

function untilTime(text: string): bigint {
  const duration = parseDuration(text);
  if (duration !== undefined) return BigInt(Date.now()) * 1_000_000n - duration;
  const seconds = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds) return BigInt(seconds[1]!) * 1_000_000_000n + BigInt((seconds[2] ?? '').padEnd(9, '0'));
  const date = /^\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[-+]\d\d:\d\d)?)?Z?$/.test(text)
    ? unixNanos(text.replace(/(T\d\d)(?=$|Z|[-+])/, '$1:00'))
    : -1n;
  if (date === -1n)
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return date;
}
