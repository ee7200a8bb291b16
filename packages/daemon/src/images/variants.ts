import type { ImageDescriptor } from './api.ts';
import { type Catalogue, type Entry, isIndexType, type ManifestRecord } from './catalogue.ts';
import { type Platform, platformScore } from './platforms.ts';
import { isDigest } from './references.ts';

/*
 * An image of several platforms is kept as one image for each of them that is here, tied together by the index that
 * they came with: one has the names, the others are found through it.
 */

const members = new WeakMap<ManifestRecord, ImageDescriptor[]>();

/** The manifests that a kept index names, as it describes them; none for a record that is no index. */
export function membersOf(record: ManifestRecord): ImageDescriptor[] {
  let known = members.get(record);
  if (!known) {
    known = [];
    if (isIndexType(record.mediaType)) {
      const { manifests } = JSON.parse(record.body) as { manifests?: ImageDescriptor[] };
      if (Array.isArray(manifests)) known = manifests.filter((manifest) => isDigest(manifest?.digest));
    }
    members.set(record, known);
  }
  return known;
}

function imagesOf(catalogue: Catalogue, record: ManifestRecord): Entry[] {
  const found = new Map<string, Entry>();
  for (const { digest } of membersOf(record)) {
    const image = catalogue.get(catalogue.manifest(digest)?.image ?? '');
    if (image && image.id !== record.image) found.set(image.id, image);
  }
  return [...found.values()];
}

/** The same image for other platforms, where it came with an index and they are here. */
export function variantsOf(catalogue: Catalogue, image: Entry): Entry[] {
  const found = catalogue.manifestsOf(image.id).flatMap(([, record]) => imagesOf(catalogue, record));
  return [...new Map(found.map((variant) => [variant.id, variant])).values()];
}

/** The variant of an image that runs best on a platform; undefined when none does. */
export function chooseVariant(catalogue: Catalogue, image: Entry, wanted: Platform): Entry | undefined {
  const own = platformScore(wanted, image.config);
  if (own === 100) return image;
  let best = own > 0 ? image : undefined;
  let score = own;
  for (const variant of variantsOf(catalogue, image)) {
    const offered = platformScore(wanted, variant.config);
    if (offered > score) [best, score] = [variant, offered];
  }
  return best;
}

/** Images without a name that belong to one with a name: neither listed nor pruned by themselves. */
export function boundVariants(catalogue: Catalogue): Set<string> {
  const bound = new Set<string>();
  for (const record of catalogue.indexes()) {
    const holder = catalogue.get(record.image);
    if (!holder || holder.references.length === 0) continue;
    for (const image of imagesOf(catalogue, record)) if (image.references.length === 0) bound.add(image.id);
  }
  return bound;
}
