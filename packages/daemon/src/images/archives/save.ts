import { Readable } from 'node:stream';
import { notFound, systemError } from '../../base/errors.ts';
import type { Images } from '../api.ts';
import { attestationsAbout, indexOfBuilt } from '../built.ts';
import type { Entry } from '../catalogue.ts';
import type { ImagesContext } from '../context.ts';
import { imageEvent } from '../events.ts';
import { find, findNamed } from '../lookup.ts';
import { matchesPlatform, parsePlatform } from '../platforms.ts';
import {
  familiarName,
  familiarString,
  fullName,
  imageId,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '../references.ts';
import { variantsOf } from '../variants.ts';
import { tarEnd, tarHeader, tarPadding } from './archive.ts';
import { type IndexDocument, indexOf, OCI_INDEX } from './index-document.ts';
import { type Descriptor, type OwnManifest, ownManifest } from './own-manifest.ts';

interface Saved {
  image: Entry;
  tags: Reference[];
  /** The same image for other platforms, saved along unless one was chosen. */
  variants: Entry[];
  /** The index over all of them, with what is said about them. */
  index?: IndexDocument;
  /** The index only has the manifest of the one image: it is not saved itself. */
  single?: boolean;
}

/** A part of the archive: bytes, or a layer that is streamed from disk. */
type Part = { name: string; mtime: number } & (
  | { body: Buffer }
  | { diffId: string; size: number }
  | { folder: true }
);

/**
 * Streams an archive that both `docker load` and OCI tools read: an OCI layout with Docker's manifest.json beside it.
 * Nothing is written to disk on the way.
 * @throws not-found before anything is sent.
 */
export async function saveImages(
  context: ImagesContext,
  names: readonly string[],
  { platforms = [], signal }: { platforms?: string[]; signal: AbortSignal },
): Promise<Readable> {
  const images = select(context, names);
  for (const saved of images) {
    const whole = saved.image;
    const chosen = new Set(platforms.map((platform) => forPlatform(context, whole, platform)));
    if (chosen.size === 0) saved.variants = variantsOf(context.catalogue, whole);
    else [saved.image = whole, ...saved.variants] = [...chosen];
    await addIndex(context, saved);
  }
  const release = context.retention.lease(
    images.flatMap(({ image, variants }) =>
      [image, ...variants].flatMap(({ config }) => config.rootfs.diff_ids),
    ),
  );
  const parts = layout(context, images);
  return stream(context, parts, signal, release, () => {
    for (const { image } of images) imageEvent(context, 'save', image.id);
  });
}

/** The index of an image of several platforms, or of one that something is said about. */
async function addIndex(context: ImagesContext, saved: Saved): Promise<void> {
  const parts: Parameters<typeof indexOf>[1][number][] = [];
  for (const image of [saved.image, ...saved.variants])
    parts.push({ image, attestations: await attestationsAbout(context, image) });
  if (parts.length === 1 && parts[0]!.attestations.length === 0) return;
  const index = indexOf(context.layers, parts, saved.tags);
  if (index) saved.index = index;
}

/** The parts as a tar; `release` is called when it has ended in whatever way, `whole` when all of it was read. */
function stream(
  context: ImagesContext,
  parts: readonly Part[],
  signal: AbortSignal,
  release: () => Promise<void>,
  whole: () => void = () => undefined,
): Readable {
  async function* archive(): AsyncGenerator<Buffer> {
    try {
      for (const part of parts) yield* emit(context, part, signal);
      yield tarEnd;
      whole();
    } finally {
      await release();
    }
  }
  return Readable.from(archive(), { objectMode: false, highWaterMark: 1 << 18 });
}

/**
 * Streams what is not registered, its layers being here: an OCI layout, for Docker with its manifest.json beside.
 * @throws invalid-parameter for a name; unavailable when a layer is not here.
 */
export function archiveImage(
  context: ImagesContext,
  options: Parameters<Images['archive']>[0],
): ReturnType<Images['archive']> {
  const { images, names, annotations } = options;
  const tags = names.map((name) => withDefaultTag(parseReference(name)));
  const index = indexOfBuilt(context, images, names, annotations);
  const release = context.retention.lease(images.flatMap(({ config }) => config.rootfs.diff_ids));
  const several = options.index || index.parts.some(({ attestation }) => attestation);
  const [first, ...rest] = index.parts;
  const all = layout(context, [
    {
      image: first!.image,
      tags,
      variants: rest.map(({ image }) => image),
      index,
      single: !several,
    },
  ]);
  const docker = new Set(['manifest.json', 'repositories']);
  const parts = options.format === 'docker' ? all : all.filter(({ name }) => !docker.has(name));
  return {
    id: first!.image.id,
    descriptor: several ? index.descriptor : first!.manifest.descriptor,
    tar: stream(context, parts, options.signal, release),
  };
}

function forPlatform({ catalogue }: ImagesContext, image: Entry, platform: string): Entry {
  const wanted = parsePlatform(platform);
  const fitting = [image, ...variantsOf(catalogue, image)].find(({ config }) =>
    matchesPlatform(wanted, config),
  );
  if (fitting) return fitting;
  throw notFound(`No such image: no ${platform} variant of ${image.repoTags[0] ?? image.id} is here`);
}

/** A repository's name without a tag stands for all its tags, as with dockerd. */
function select({ catalogue }: ImagesContext, names: readonly string[]): Saved[] {
  const saved = new Map<string, Saved>();
  const add = (image: Entry, tag?: Reference) => {
    const known = saved.get(image.id) ?? { image, tags: [], variants: [] };
    saved.set(image.id, known);
    if (tag && !known.tags.some((other) => fullName(other) === fullName(tag))) known.tags.push(tag);
  };
  for (const name of names) {
    if (imageId(name) !== undefined) {
      add(find(catalogue, name));
      continue;
    }
    const reference = parseReference(name);
    if (reference.digest !== undefined || reference.tag !== undefined) {
      const image = findNamed(catalogue, reference);
      if (image) add(image, reference.digest === undefined ? reference : undefined);
      else if (name.startsWith('sha256:')) add(byPrefix(catalogue, name));
      else throw notFound('reference does not exist');
      continue;
    }
    const tagged = catalogue
      .list()
      .flatMap((image) =>
        image.references
          .filter((other) => other.tag !== undefined && repositoryOf(other) === repositoryOf(reference))
          .map((tag) => ({ image, tag })),
      );
    for (const { image, tag } of tagged) add(image, tag);
    if (tagged.length === 0) add(byPrefix(catalogue, name));
  }
  return [...saved.values()];
}

function byPrefix(catalogue: ImagesContext['catalogue'], name: string): Entry {
  const ids = catalogue.search(name);
  if (ids.length !== 1) throw notFound(`No such image: ${name}`);
  return catalogue.get(ids[0]!)!;
}

const hex = (digest: string) => digest.slice('sha256:'.length);
const blobName = (digest: string) => `blobs/sha256/${hex(digest)}`;

/** Puts what an image is made of into `blobs`, and returns how it is referred to. */
function describeImage(
  context: ImagesContext,
  image: Entry,
  blobs: Map<string, Part>,
  known?: OwnManifest,
): { descriptor: Descriptor; layers: Descriptor[] } {
  const mtime = (Date.parse(image.created) || 0) / 1000;
  const manifest = known ?? ownManifest(context.layers, image);
  if (!manifest) throw systemError(`${image.id} lacks a layer: pull it again`);
  const { descriptor, body, layers } = manifest;
  for (const { digest, size } of layers)
    blobs.set(digest, { name: blobName(digest), mtime, diffId: digest, size });
  blobs.set(image.id, { name: blobName(image.id), mtime, body: Buffer.from(image.raw) });
  blobs.set(descriptor.digest, { name: blobName(descriptor.digest), mtime: 0, body });
  return { descriptor, layers };
}

function addIndexDocument(blobs: Map<string, Part>, { descriptor, body, parts }: IndexDocument): Descriptor {
  const add = (digest: string, bytes: Buffer) =>
    blobs.set(digest, { name: blobName(digest), mtime: 0, body: bytes });
  add(descriptor.digest, body);
  for (const { attestation } of parts) {
    if (!attestation) continue;
    add(attestation.descriptor.digest, attestation.body);
    for (const blob of attestation.blobs) add(blob.digest, blob.body);
  }
  return descriptor;
}

function layout(context: ImagesContext, images: Saved[]): Part[] {
  const blobs = new Map<string, Part>();
  const index: object[] = [];
  const manifests: object[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, tags, variants, index: own, single = false } of images) {
    const made = own?.parts ?? [];
    const { descriptor: manifest, layers } = describeImage(context, image, blobs, made[0]?.manifest);
    for (const [at, each] of variants.entries()) describeImage(context, each, blobs, made[at + 1]?.manifest);
    const descriptor = own && !single ? addIndexDocument(blobs, own) : manifest;
    if (tags.length === 0) index.push(descriptor);
    for (const tag of tags) {
      index.push({
        ...descriptor,
        annotations: {
          'io.containerd.image.name': fullName(tag),
          'org.opencontainers.image.ref.name': tag.tag,
        },
      });
      const top = image.config.rootfs.diff_ids.at(-1);
      repositories[familiarName(tag)] = {
        ...repositories[familiarName(tag)],
        [tag.tag!]: top === undefined ? hex(image.id) : hex(top),
      };
    }
    manifests.push({
      Config: blobName(image.id),
      RepoTags: tags.length > 0 ? tags.map(familiarString) : null,
      Layers: layers.map((layer) => blobName(layer.digest)),
      // A parent is named only when it is in the archive, too: the loading side knows no other.
      ...(images.some((other) => other.image.id === image.parent) ? { Parent: image.parent } : {}),
      LayerSources: Object.fromEntries(
        layers.map(({ mediaType, size, digest }) => [digest, { mediaType, size, digest }]),
      ),
    });
  }
  // Two of the documents end with a newline, as dockerd's do.
  const json = (name: string, value: unknown, end = ''): Part => ({
    name,
    mtime: 0,
    body: Buffer.from(JSON.stringify(value) + end),
  });
  return [
    { name: 'blobs/', mtime: 0, folder: true },
    { name: 'blobs/sha256/', mtime: 0, folder: true },
    ...[...blobs.values()].sort((left, right) => (left.name < right.name ? -1 : 1)),
    json('index.json', { schemaVersion: 2, mediaType: OCI_INDEX, manifests: index }),
    json('manifest.json', manifests, '\n'),
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    ...(Object.keys(repositories).length > 0 ? [json('repositories', repositories, '\n')] : []),
  ];
}

async function* emit(context: ImagesContext, part: Part, signal: AbortSignal): AsyncGenerator<Buffer> {
  if ('folder' in part) {
    yield tarHeader(part.name, 0, part.mtime, true);
    return;
  }
  if ('body' in part) {
    yield Buffer.concat([
      tarHeader(part.name, part.body.length, part.mtime),
      part.body,
      tarPadding(part.body.length),
    ]);
    return;
  }
  yield tarHeader(part.name, part.size, part.mtime);
  const tar = await context.layers.tar(part.diffId);
  let sent = 0;
  try {
    for await (const chunk of tar) {
      signal.throwIfAborted();
      sent += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  } finally {
    tar.destroy();
  }
  if (sent !== part.size)
    throw systemError(`the layer ${part.diffId} has ${sent} bytes on disk instead of ${part.size}`);
  yield tarPadding(part.size);
}
