import { BerthError, conflict } from '../base/errors.ts';
import { checkFilters } from '../base/filters.ts';
import { chainIds, unixNanos } from './config.ts';
import { booleanFilter, type Filters, matchesLabels, untilFilter } from './query/filters.ts';
import { fullName } from './references.ts';
import { type RemovalContext, type Removed, removeImage } from './remove.ts';
import { boundVariants } from './variants.ts';

const FILTERS = ['dangling', 'label', 'label!', 'until'];

export interface Pruned {
  ImagesDeleted: Removed[] | null;
  SpaceReclaimed: number;
}

const running = new WeakSet<object>();

/**
 * Deletes images that nothing uses: those without a tag, or with `dangling=false` all that no container stands on.
 * @throws conflict while another prune runs; invalid-parameter for filters.
 */
export async function pruneImages(context: RemovalContext, filters: Filters): Promise<Pruned> {
  checkFilters(filters, FILTERS);
  const danglingOnly = booleanFilter(filters, 'dangling', true);
  const until = untilFilter(filters);
  if (running.has(context)) throw conflict('a prune operation is already running');
  running.add(context);
  try {
    const sizes = layerSizes(context);
    const removed: Removed[] = [];
    for (const { id } of candidates(context, filters, danglingOnly, until))
      removed.push(...(await pruneImage(context, id, danglingOnly)));
    let reclaimed = 0;
    for (const { Deleted } of removed) reclaimed += sizes.get(Deleted ?? '') ?? 0;
    context.events.emit('image', 'prune', '', { reclaimed: String(reclaimed) });
    return { ImagesDeleted: removed.length > 0 ? removed : null, SpaceReclaimed: reclaimed };
  } finally {
    running.delete(context);
  }
}

function candidates(
  { catalogue }: RemovalContext,
  filters: Filters,
  danglingOnly: boolean,
  until: bigint | undefined,
) {
  const bound = boundVariants(catalogue);
  return catalogue.list().filter((image) => {
    if (bound.has(image.id)) return false;
    const parent = catalogue.children(image.id).length > 0;
    if (parent && (danglingOnly || image.references.length === 0)) return false;
    if (danglingOnly && image.repoTags.length > 0) return false;
    if (until !== undefined && unixNanos(image.config.created) > until) return false;
    return matchesLabels(filters, image.config.config?.Labels ?? {});
  });
}

async function pruneImage(context: RemovalContext, id: string, danglingOnly: boolean): Promise<Removed[]> {
  const image = context.catalogue.get(id);
  if (!image || (danglingOnly && image.repoTags.length > 0)) return [];
  const targets = image.references.length > 0 ? image.references.map(fullName) : [id.slice('sha256:'.length)];
  const removed: Removed[] = [];
  for (const target of targets) {
    try {
      removed.push(...(await removeImage(context, target, { force: false, noprune: false })));
    } catch (error) {
      // Images that are in use, or went meanwhile, stay out of the report.
      if (!(error instanceof BerthError) || !['conflict', 'not-found'].includes(error.kind)) throw error;
    }
  }
  return removed;
}

/** Sizes by chain id, as the Deleted lines name layers. */
function layerSizes({ catalogue, layers }: RemovalContext): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { config } of catalogue.list()) {
    const chain = chainIds(config.rootfs.diff_ids);
    for (const [index, diffId] of config.rootfs.diff_ids.entries())
      sizes.set(chain[index]!, layers.get(diffId)?.size ?? 0);
  }
  return sizes;
}
