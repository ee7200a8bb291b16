import { unavailable } from '../base/errors.ts';
import type { Attestation, BuiltImage, ImageDescriptor, Images } from './api.ts';
import { type IndexDocument, indexOf } from './archives/index-document.ts';
import { attestationsIn } from './attestations.ts';
import { type Entry, isIndexType } from './catalogue.ts';
import { digestOf, parseConfig } from './config.ts';
import type { ImagesContext } from './context.ts';
import { imageEvent } from './events.ts';
import { hostPlatform, platformScore } from './platforms.ts';
import { parseReference, withDefaultTag } from './references.ts';
import { membersOf } from './variants.ts';

/** An image that is not in the catalogue, its layers being here. */
function unregistered(raw: string): Entry {
  const config = parseConfig(raw);
  return {
    id: digestOf(raw),
    raw,
    configSize: raw.length,
    config,
    size: 0,
    created: config.created ?? '',
    parent: '',
    repoTags: [],
    repoDigests: [],
    references: [],
    taggedAt: undefined,
  };
}

/** The index of what a build made. @throws unavailable when a layer is not here; invalid-parameter for a name. */
export function indexOfBuilt(
  { layers }: Pick<ImagesContext, 'layers'>,
  images: readonly BuiltImage[],
  names: readonly string[],
  annotations?: Record<string, string>,
): IndexDocument {
  const entries = images.map(({ config, attestations, annotations: own }) => ({
    image: unregistered(JSON.stringify(config)),
    attestations,
    ...(own && { annotations: own }),
  }));
  const references = names.map((name) => withDefaultTag(parseReference(name)));
  const index = indexOf(layers, entries, references, annotations);
  if (!index) throw unavailable('a layer of what was built is not here');
  return index;
}

/**
 * Registers what a build made for several platforms, or with attestations: each platform's image, and the index that ties them
 * together. The one that serves this machine best is to have the names.
 */
export async function registerBuilt(
  context: ImagesContext,
  { images, names, annotations, index: wanted, made }: Parameters<Images['registerIndex']>[0],
): Promise<{ id: string; descriptor: ImageDescriptor }> {
  const index = indexOfBuilt(context, images, names, annotations);
  const { catalogue, layers, blobs } = context;
  await layers.durable(images.flatMap(({ config }) => config.rootfs.diff_ids));
  const kept = await blobs.keep(index.parts.flatMap(({ attestation }) => attestation?.blobs ?? []));
  const [holder] = index.parts.toSorted(
    (a, b) => platformScore(hostPlatform, b.image.config) - platformScore(hostPlatform, a.image.config),
  );
  const { id } = holder!.image;
  const { descriptor, body } = index;
  const isIndex = wanted || index.parts.some(({ attestation }) => attestation);
  await context.recorded(() => {
    for (const { image, manifest, attestation } of index.parts) {
      context.register(image.id, image.raw, { names: [] });
      made?.(image.id);
      catalogue.addManifest(manifest.descriptor.digest, {
        mediaType: manifest.descriptor.mediaType,
        body: manifest.body.toString(),
        image: image.id,
      });
      if (attestation)
        catalogue.addManifest(attestation.descriptor.digest, {
          mediaType: attestation.descriptor.mediaType,
          body: attestation.body.toString(),
          image: image.id,
          attestation: true,
        });
    }
    if (isIndex)
      catalogue.addManifest(descriptor.digest, {
        mediaType: descriptor.mediaType,
        body: body.toString(),
        image: id,
      });
    dropReplaced(context, id, isIndex ? descriptor.digest : '', index);
    kept();
  });
  await blobs.sweep(catalogue);
  for (const { image } of index.parts) imageEvent(context, 'create', image.id);
  return { id, descriptor: isIndex ? descriptor : holder!.manifest.descriptor };
}

/** Drops the indexes of earlier builds of the same image that no name stands for, and what was said in them. */
function dropReplaced(
  { catalogue }: ImagesContext,
  id: string,
  made: string,
  { parts }: IndexDocument,
): void {
  const named = new Set(catalogue.get(id)?.references.map(({ digest }) => digest));
  const members = new Set<string>();
  for (const [digest, record] of catalogue.manifestsOf(id)) {
    if (!isIndexType(record.mediaType)) continue;
    if (digest !== made && !named.has(digest)) catalogue.dropManifest(digest);
    else for (const member of membersOf(record)) members.add(member.digest);
  }
  for (const { image } of parts)
    for (const [digest] of catalogue.attestationsOf(image.id))
      if (!members.has(digest)) catalogue.dropManifest(digest);
}

/** The statements about an image, each once and unchanged. */
export async function attestationsAbout(context: ImagesContext, image: Entry): Promise<Attestation[]> {
  // The same may be kept for several manifests of the image.
  const found = new Map<string, Attestation>();
  for (const [digest, record] of context.catalogue.attestationsOf(image.id))
    for (const attestation of attestationsIn(await context.blobs.load(digest, record)))
      found.set(attestation.predicateType, attestation);
  return [...found.values()];
}
