import type { Layers } from '../layers/api.ts';
import type { ImageDescriptor, ImageManifest } from './api.ts';
import { type Descriptor, ownManifest } from './archives/own-manifest.ts';
import { blobsNamedBy, isAttestation, subjectOf } from './attestations.ts';
import { type Catalogue, type Entry, isIndexType, type ManifestRecord } from './catalogue.ts';
import { membersOf } from './variants.ts';

/* The manifests of an image as registries know them: the index or manifest that it stands for, and the manifests in
   there. */

export interface ManifestContext {
  catalogue: Catalogue;
  layers: Pick<Layers, 'get'>;
  users: (imageId: string) => Array<{ id: string }>;
}

const describe = (digest: string, { mediaType, body }: ManifestRecord): Descriptor => ({
  mediaType,
  digest,
  size: Buffer.byteLength(body),
});

const platformOf = ({ config }: Entry): NonNullable<ImageDescriptor['platform']> => ({
  architecture: config.architecture,
  os: config.os,
  ...(config['os.version'] ? { 'os.version': config['os.version'] } : {}),
  ...(config.variant ? { variant: config.variant } : {}),
});

/** The kept document that serves best: one that a name of the image has as its digest, and an index before a manifest. */
function kept(catalogue: Catalogue, image: Entry, indexes: boolean): [string, ManifestRecord] | undefined {
  const named = new Set(image.references.map(({ digest }) => digest));
  let best: [string, ManifestRecord] | undefined;
  let score = -1;
  for (const [digest, record] of catalogue.manifestsOf(image.id)) {
    const index = isIndexType(record.mediaType);
    if (index && !indexes) continue;
    const own = (named.has(digest) ? 2 : 0) + (index ? 1 : 0);
    if (own > score) [best, score] = [[digest, record], own];
  }
  return best;
}

/**
 * The descriptor that the image stands for: of an index, where it came with one, else of its manifest. Undefined when
 * a layer is missing.
 */
export function targetOf({ catalogue, layers }: ManifestContext, image: Entry): ImageDescriptor | undefined {
  const best = kept(catalogue, image, true);
  return best ? describe(...best) : ownManifest(layers, image)?.descriptor;
}

/** The manifest of this one platform's image, with the platform. Undefined when a layer is missing. */
export function manifestOf(
  { catalogue, layers }: Pick<ManifestContext, 'catalogue' | 'layers'>,
  image: Entry,
): ImageDescriptor | undefined {
  const best = kept(catalogue, image, false);
  const descriptor = best ? describe(...best) : ownManifest(layers, image)?.descriptor;
  return descriptor && { ...descriptor, platform: platformOf(image) };
}

/** All manifests of the index that the image stands for, here or not; of one without an index, its own. */
export function manifestsIn(context: ManifestContext, image: Entry): ImageManifest[] {
  const best = kept(context.catalogue, image, true);
  if (best && isIndexType(best[1].mediaType))
    return membersOf(best[1]).map((member) => summarise(context, member));
  const own = targetOf(context, image);
  return own ? [imageManifest(context, own, image, best?.[1])] : [];
}

function summarise(context: ManifestContext, descriptor: ImageDescriptor): ImageManifest {
  const { digest, platform } = descriptor;
  const record = context.catalogue.manifest(digest);
  const image = record && context.catalogue.get(record.image);
  if (isAttestation(descriptor)) {
    const content = record
      ? blobsNamedBy(record.body).reduce((sum, { size }) => sum + size, descriptor.size)
      : 0;
    return {
      ...nothing(descriptor),
      Available: record !== undefined,
      Size: { Content: content, Total: content },
      Kind: 'attestation',
      AttestationData: { For: subjectOf(descriptor) },
    };
  }
  if (image) return imageManifest(context, descriptor, image, record);
  if (platform === undefined) return { ...nothing(descriptor), Kind: 'unknown' };
  return {
    ...nothing(descriptor),
    Kind: 'image',
    ImageData: { Platform: platform, Containers: [], Size: { Unpacked: 0 } },
  };
}

const nothing = (descriptor: ImageDescriptor) => ({
  ID: descriptor.digest,
  Descriptor: descriptor,
  Available: false,
  Size: { Content: 0, Total: 0 },
});

function imageManifest(
  { layers, users }: ManifestContext,
  descriptor: ImageDescriptor,
  image: Entry,
  record?: ManifestRecord,
): ImageManifest {
  return {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: image.config.rootfs.diff_ids.every((diffId) => layers.get(diffId)),
    // Layers are kept once, ready to be mounted: what they weigh in transit takes no room beside that.
    Size: { Content: contentSize(layers, descriptor, image, record), Total: image.size },
    Kind: 'image',
    ImageData: {
      Platform: descriptor.platform ?? platformOf(image),
      Containers: users(image.id).map(({ id }) => id),
      Size: { Unpacked: image.size },
    },
  };
}

/** Bytes of the manifest and of what it names, as they travel. */
function contentSize(
  layers: ManifestContext['layers'],
  { size }: Descriptor,
  image: Entry,
  manifest: ManifestRecord | undefined,
): number {
  const named = manifest
    ? (JSON.parse(manifest.body) as { layers?: Descriptor[] }).layers
    : ownManifest(layers, image)?.layers;
  return (named ?? []).reduce((sum, layer) => sum + layer.size, size + Buffer.byteLength(image.raw));
}
