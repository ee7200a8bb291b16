import type { Catalogue, Entry } from './catalogue.ts';
import { unixNanos, unixSeconds } from './config.ts';
import type { ImageSummary } from './face.ts';
import { booleanFilter, checkNames, type Filters, matchesLabels, untilFilter } from './filters.ts';
import { find } from './lookup.ts';
import { familiarMatch, familiarString, pathPattern, type Reference } from './references.ts';
import { boundVariants } from './variants.ts';

const FILTERS = ['dangling', 'label', 'before', 'since', 'reference', 'until'];

export interface ListOptions {
  all?: boolean;
  filters?: Filters;
  sharedSize?: boolean;
}

/**
 * The images that `docker image ls` shows, newest first.
 * @throws invalid-parameter for a filter that is not known or malformed; not-found for the image of before or since.
 */
export function listImages(
  catalogue: Catalogue,
  layerSize: (diffId: string) => number,
  users: (imageId: string) => unknown[],
  { all = false, filters = {}, sharedSize = false }: ListOptions,
): ImageSummary[] {
  checkNames(filters, FILTERS);
  const danglingOnly = booleanFilter(filters, 'dangling', false);
  const before = filters['before']?.map((text) => unixNanos(find(catalogue, text).config.created));
  const since = filters['since']?.map((text) => unixNanos(find(catalogue, text).config.created));
  const until = untilFilter(filters);
  const patterns = filters['reference']?.length ? filters['reference'] : undefined;
  for (const pattern of patterns ?? []) pathPattern(pattern);

  const bound = boundVariants(catalogue);
  const summaries: Array<{ summary: ImageSummary; created: bigint }> = [];
  for (const image of catalogue.list()) {
    const created = unixNanos(image.config.created);
    if (before?.some((limit) => created >= limit)) continue;
    if (since?.some((limit) => created <= limit)) continue;
    if (until !== undefined && created >= until) continue;
    if (
      filters['label']?.length &&
      !matchesLabels({ label: filters['label'] }, image.config.config?.Labels ?? {})
    )
      continue;
    const names = image.references.filter(
      (reference) => !patterns || patterns.some((pattern) => familiarMatch(pattern, reference)),
    );
    const tags = names.filter((reference) => reference.tag !== undefined);
    if (names.length === 0) {
      if (!all && bound.has(image.id)) continue;
      if (!all && catalogue.children(image.id).length > 0) continue;
      if (filters['dangling']?.length && !danglingOnly) continue;
      if (patterns) continue;
    } else if (danglingOnly && tags.length > 0) continue;
    summaries.push({ summary: summarise(image, names, users(image.id).length), created });
  }
  summaries.sort((left, right) => (left.created < right.created ? 1 : left.created > right.created ? -1 : 0));
  const result = summaries.map(({ summary }) => summary);
  if (sharedSize) addSharedSizes(catalogue, layerSize, result);
  return result;
}

function summarise(image: Entry, names: Reference[], containers: number): ImageSummary {
  return {
    Containers: containers,
    Created: unixSeconds(image.config.created),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent,
    RepoDigests: names.filter((reference) => reference.digest !== undefined).map(familiarString),
    RepoTags: names.filter((reference) => reference.tag !== undefined).map(familiarString),
    SharedSize: -1,
    Size: image.size,
  };
}

/** Bytes of the layers that more than one image has. */
function addSharedSizes(
  catalogue: Catalogue,
  layerSize: (diffId: string) => number,
  summaries: ImageSummary[],
): void {
  const users = new Map<string, number>();
  for (const image of catalogue.list())
    for (const diffId of new Set(image.config.rootfs.diff_ids))
      users.set(diffId, (users.get(diffId) ?? 0) + 1);
  for (const summary of summaries) {
    summary.SharedSize = 0;
    for (const diffId of catalogue.get(summary.Id)!.config.rootfs.diff_ids)
      if (users.get(diffId)! > 1) summary.SharedSize += layerSize(diffId);
  }
}
