import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../base/log.ts';
import type { ImagesContext } from './context.ts';
import { BlobSources } from './registry/blob-sources.ts';

/**
 * Brings images, layers and files into agreement at the daemon's start. `openRegistry` opens the registry client, which
 * clears what interrupted downloads left.
 */
export async function reconcileImages(
  context: ImagesContext,
  openRegistry: () => Promise<void>,
): Promise<void> {
  const { catalogue, retention, layers, store, root, users } = context;
  const damaged = store.damaged('images').size > 0 || store.damaged('containers').size > 0;
  if (!damaged) retention.dropOrphans();
  for (const { id, config, repoTags, references } of catalogue.list()) {
    const missing = config.rootfs.diff_ids.filter((diffId) => !layers.has(diffId));
    // A step of a build that was not answered when the power was cut.
    if (missing.length > 0 && references.length === 0 && users(id).length === 0) {
      catalogue.remove(id, false);
      continue;
    }
    if (missing.length > 0)
      log.warn({ image: id, tags: repoTags, layers: missing }, 'an image lacks layers: pull it again');
  }
  new BlobSources(store).sweep((diffId) => layers.has(diffId));
  await context.blobs.sweep(catalogue);
  // Interrupted downloads, where there are any.
  const partial = await readdir(join(root, 'partial')).catch(() => []);
  if (partial.length > 0) await openRegistry();
  // On a full disk the daemon is what makes room again.
  await store.flush().catch((error) => log.warn({ err: error }, 'what was cleared could not be recorded'));
  // An image's record names its layers: those of a damaged record are not known, so none can be collected.
  if (damaged) return;
  await retention.collect(layers.list().map((layer) => layer.diffId));
}
