import { durationFault, parseDuration } from '../base/durations.ts';
import { invalidParameter } from '../base/errors.ts';
import type { CacheRecord } from './api.ts';
import type { CachedStep } from './buildkit/solver/cached-steps.ts';

/** Whether a record is what the filters name, their times aside. */
export function matchesRecord(record: CacheRecord, filters: Record<string, string[]>): boolean {
  const fits = (name: string, value: string) =>
    !filters[name] || filters[name].some((part) => value.includes(part));
  return (
    fits('id', record.ID) &&
    fits('type', record.Type) &&
    fits('description', record.Description) &&
    (!filters['inuse'] || record.InUse) &&
    (!filters['shared'] || record.Shared) &&
    (!filters['private'] || !record.Shared) &&
    // A filter that is not known matches no record.
    Object.keys(filters).every((name) => recordFilters.has(name))
  );
}

/** The filters of records. */
export const recordFilters = new Set([
  'until',
  'id',
  'unused-for',
  'type',
  'description',
  'inuse',
  'shared',
  'private',
]);

/** A step of a BuildKit build as a record of the cache; it is shared where one of these layers of images is its own. */
export function stepRecord(key: string, step: CachedStep, images: Set<string>): CacheRecord {
  return {
    ID: key.slice(0, 25),
    Type: 'regular',
    Description: step.description,
    InUse: false,
    Shared: step.diffId !== null && images.has(step.diffId),
    Size: step.size,
    CreatedAt: step.created,
    LastUsedAt: step.used,
    UsageCount: step.count,
  };
}

/** Milliseconds of a filter's duration. @throws invalid-parameter. */
export function durationMs(text: string): number {
  const duration = parseDuration(text);
  if (duration === undefined) throw invalidParameter(`invalid until filter: ${durationFault(text)}`);
  return Number(duration) / 1e6;
}
