import { checkFilters } from '../../base/filters.ts';
import { compileGlob } from '../../patterns/glob.ts';
import type { ImageSummary } from '../api.ts';
import type { Entry } from '../catalogue.ts';
import { unixNanos, unixSeconds } from '../config.ts';
import { find } from '../lookup.ts';
import { type ManifestContext, manifestsIn, targetOf } from '../manifests.ts';
import { familiarMatch, familiarString, type Reference } from '../references.ts';
import { boundVariants, variantsOf } from '../variants.ts';
import { booleanFilter, earliestUntil, type Filters, matchesLabels } from './filters.ts';

const FILTERS = ['dangling', 'label', 'before', 'since', 'reference', 'until'];

export interface ListOptions {
  all?: boolean;
  filters?: Filters;
  sharedSize?: boolean;
  manifests?: boolean;
}

/**
 * The images that `docker image ls` shows, newest first.
 * @throws invalid-parameter for a filter that is not known or malformed; not-found for the image of before or since.
 */
export function listImages(
  context: ManifestContext,
  { all = false, filters = {}, sharedSize = false, manifests = false }: ListOptions,
): ImageSummary[] {
  const { catalogue } = context;
  checkFilters(filters, FILTERS);
  const danglingOnly = booleanFilter(filters, 'dangling', false);
  const before = filters['before']?.map((text) => unixNanos(find(catalogue, text).config.created));
  const since = filters['since']?.map((text) => unixNanos(find(catalogue, text).config.created));
  const until = earliestUntil(filters);
  const patterns = filters['reference']?.length
    ? filters['reference'].map((pattern) => compileGlob(pattern))
    : undefined;

  const bound = boundVariants(catalogue);
  const summaries: Array<{ summary: ImageSummary; created: bigint }> = [];
  for (const image of catalogue.list({ steps: all })) {
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
      if (filters['dangling']?.length && !danglingOnly) continue;
      if (patterns) continue;
    } else if (danglingOnly && tags.length > 0) continue;
    summaries.push({ summary: summarise(context, image, names, manifests), created });
  }
  summaries.sort((left, right) => (left.created < right.created ? 1 : left.created > right.created ? -1 : 0));
  const result = summaries.map(({ summary }) => summary);
  if (sharedSize) addSharedSizes(context, result);
  return result;
}

function summarise(
  context: ManifestContext,
  image: Entry,
  names: Reference[],
  manifests: boolean,
): ImageSummary {
  const { catalogue, layers, users } = context;
  // Other platforms of a named image are not listed by themselves: they count as its own.
  const bound =
    image.references.length === 0
      ? []
      : variantsOf(catalogue, image).filter(({ references }) => references.length === 0);
  let size = image.size;
  if (bound.length > 0) {
    const diffIds = new Set([image, ...bound].flatMap(({ config }) => config.rootfs.diff_ids));
    size = [...diffIds].reduce((sum, diffId) => sum + (layers.get(diffId)?.size ?? 0), 0);
  }
  const descriptor = targetOf(context, image);
  return {
    Containers: [image, ...bound].reduce((sum, { id }) => sum + users(id).length, 0),
    Created: unixSeconds(image.config.created),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent,
    RepoDigests: names.filter((reference) => reference.digest !== undefined).map(familiarString),
    RepoTags: names.filter((reference) => reference.tag !== undefined).map(familiarString),
    SharedSize: -1,
    Size: size,
    ...(descriptor && { Descriptor: descriptor }),
    ...(manifests && { Manifests: manifestsIn(context, image) }),
  };
}

/** Bytes of the layers that more than one image has. */
function addSharedSizes({ catalogue, layers }: ManifestContext, summaries: ImageSummary[]): void {
  const users = new Map<string, number>();
  for (const image of catalogue.list())
    for (const diffId of new Set(image.config.rootfs.diff_ids))
      users.set(diffId, (users.get(diffId) ?? 0) + 1);
  for (const summary of summaries) {
    summary.SharedSize = 0;
    for (const diffId of catalogue.get(summary.Id)!.config.rootfs.diff_ids)
      if (users.get(diffId)! > 1) summary.SharedSize += layers.get(diffId)?.size ?? 0;
  }
}
