import { invalidParameter, notFound } from '../../base/errors.ts';
import type { Images } from '../api.ts';
import type { Entry } from '../catalogue.ts';
import { digestOf } from '../config.ts';
import { referenceEvent } from '../events.ts';
import { formatPlatform, matchesPlatform, type Platform, parsePlatform } from '../platforms.ts';
import { layerLine, shortId } from '../progress.ts';
import {
  familiarName,
  familiarString,
  fullName,
  parseReference,
  type Reference,
  repositoryOf,
  withDigest,
  withTag,
} from '../references.ts';
import { variantsOf } from '../variants.ts';
import { pushError } from './errors.ts';
import {
  buildManifest,
  type Descriptor,
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  parseManifest,
} from './manifests.ts';
import type { RegistryParts } from './parts.ts';
import { Repository } from './repository.ts';
import { withRegistry } from './session.ts';
import type { Target } from './uploads.ts';

type Options = Parameters<Images['push']>[0];

/**
 * Pushes an image under one name, or all tags of a repository, as `POST /images/{name}/push` does. An image that was
 * pulled keeps its manifest byte for byte wherever its layers can be had in the form the manifest names.
 * @throws not-found and others with dockerd's texts.
 */
export async function pushImages(parts: RegistryParts, options: Options): Promise<void> {
  const { context, reach } = parts;
  const { auth, signal, onProgress } = options;
  const wanted = options.platform ? parsePlatform(options.platform) : undefined;
  const parsed = parseReference(options.name);
  const reference = options.tag ? withTag(parsed, options.tag) : parsed;
  if (reference.digest !== undefined) throw invalidParameter('cannot push a digest reference');
  onProgress({ status: `The push refers to repository [${repositoryOf(reference)}]` });
  const references = pushedReferences(parts, reference);
  await withRegistry(reach, reference.domain, { purpose: 'push', auth, signal }, async (session) => {
    const repository = new Repository(session, reference.path, 'pull,push');
    const target: Target = { repository, domain: reference.domain, signal, onProgress };
    for (const each of references) {
      const entry = context.catalogue.get(context.catalogue.idOf(fullName(each)) ?? '');
      if (!entry) throw notFound(`tag does not exist: ${familiarString(each)}`);
      await pushOne(parts, target, each, wanted ? forPlatform(parts, each, entry, wanted) : entry);
    }
  }).catch((error: unknown) => {
    throw pushError(error);
  });
  referenceEvent(context, 'push', reference);
}

/** The part of an image for a platform. @throws not-found with dockerd's text when there is none. */
function forPlatform(
  { context }: RegistryParts,
  reference: Reference,
  entry: Entry,
  wanted: Platform,
): Entry {
  const fitting = [entry, ...variantsOf(context.catalogue, entry)].find(({ config }) =>
    matchesPlatform(wanted, config),
  );
  if (fitting) return fitting;
  throw notFound(
    `image with reference ${familiarString(reference)} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(entry.config)}`,
  );
}

function pushedReferences({ context }: RegistryParts, reference: Reference): Reference[] {
  const { catalogue } = context;
  const repository = repositoryOf(reference);
  const all = catalogue
    .list()
    .flatMap(({ references }) => references.filter((other) => repositoryOf(other) === repository));
  if (all.length === 0)
    throw notFound(`An image does not exist locally with the tag: ${familiarName(reference)}`);
  if (reference.tag !== undefined) {
    if (catalogue.idOf(fullName(reference)) === undefined)
      throw notFound(`tag does not exist: ${familiarString(reference)}`);
    return [reference];
  }
  const tags = all.filter(({ tag }) => tag !== undefined).sort((a, b) => (a.tag! < b.tag! ? -1 : 1));
  if (tags.length === 0) throw notFound(`no tags to push for ${familiarName(reference)}`);
  return tags;
}

async function pushOne(
  parts: RegistryParts,
  target: Target,
  reference: Reference,
  entry: Entry,
): Promise<void> {
  const { context } = parts;
  const { repository, signal, onProgress } = target;
  const diffIds = entry.config.rootfs.diff_ids;
  const release = context.retention.hold(diffIds);
  try {
    for (const diffId of diffIds.toReversed()) onProgress(layerLine('Preparing', shortId(diffId)));
    const { mediaType, body } =
      (await pushKept(parts, target, reference, entry)) ?? (await pushBuilt(parts, target, entry));
    const digest = digestOf(body);
    await repository.putManifest(reference.tag!, mediaType, body, signal);
    if (context.catalogue.get(entry.id)) {
      context.catalogue.addManifest(digest, { mediaType, body: body.toString(), image: entry.id });
      // Another platform's part of the image has no names of its own.
      if (context.catalogue.idOf(fullName(reference)) === entry.id)
        context.catalogue.name(withDigest(reference, digest), entry.id);
      await context.store.flush();
    }
    onProgress({ status: `${reference.tag}: digest: ${digest} size: ${body.length}` });
    onProgress({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: body.length } });
  } finally {
    await release();
  }
}

/** Pushes under a manifest that the image came with, or was pushed with before; undefined when its layers cannot be had. */
async function pushKept(
  parts: RegistryParts,
  target: Target,
  reference: Reference,
  entry: Entry,
): Promise<{ mediaType: string; body: Buffer } | undefined> {
  const diffIds = entry.config.rootfs.diff_ids;
  for (const [, record] of parts.context.catalogue.manifestsOf(entry.id)) {
    const body = Buffer.from(record.body);
    const content = parseManifest(body, record.mediaType, reference);
    if (content.kind === 'index' || content.manifest.layers.length !== diffIds.length) continue;
    const { manifest } = content;
    if (manifest.config.digest !== entry.id) continue;
    const placed = await all(target, diffIds, (inner, diffId, index) =>
      parts.uploads.place(inner, diffId, manifest.layers[index]!),
    );
    if (!placed.every(Boolean)) continue;
    await putConfig(target, entry, manifest.config);
    return { mediaType: record.mediaType, body };
  }
  return undefined;
}

/** Pushes under a schema 2 manifest of our own. */
async function pushBuilt(
  parts: RegistryParts,
  target: Target,
  entry: Entry,
): Promise<{ mediaType: string; body: Buffer }> {
  const layers = await all(target, entry.config.rootfs.diff_ids, (inner, diffId) =>
    parts.uploads.send(inner, diffId),
  );
  const config = { mediaType: DOCKER_CONFIG, size: Buffer.byteLength(entry.raw), digest: entry.id };
  await putConfig(target, entry, config);
  return { mediaType: DOCKER_MANIFEST, body: buildManifest(config, layers) };
}

/** Works on all layers at once (each one once); the first failure stops the others. */
async function all<T>(
  target: Target,
  diffIds: readonly string[],
  work: (target: Target, diffId: string, index: number) => Promise<T>,
): Promise<T[]> {
  const stop = new AbortController();
  const inner = { ...target, signal: AbortSignal.any([target.signal, stop.signal]) };
  const jobs = new Map<string, Promise<T>>();
  const results = diffIds.map((diffId, index) => {
    const job =
      jobs.get(diffId) ??
      work(inner, diffId, index).catch((error: unknown) => {
        stop.abort(error);
        throw error;
      });
    jobs.set(diffId, job);
    return job;
  });
  await Promise.allSettled(results);
  target.signal.throwIfAborted();
  stop.signal.throwIfAborted();
  return Promise.all(results);
}

async function putConfig({ repository, signal }: Target, entry: Entry, config: Descriptor): Promise<void> {
  if ((await repository.has(config.digest, signal)) !== undefined) return;
  const upload = await repository.beginUpload(signal);
  if (upload) await repository.commit(upload, config.digest, signal, Buffer.from(entry.raw));
}
