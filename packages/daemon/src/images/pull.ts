import { invalidParameter } from '../errors.ts';
import { digestOf, parseConfig, type StoredConfig } from './config.ts';
import { referenceEvent } from './events.ts';
import type { Images, OnProgress } from './face.ts';
import { formatPlatform, type Platform, parsePlatform, platformScore } from './platforms.ts';
import { layerLine, shortId } from './progress.ts';
import {
  familiarString,
  fullName,
  parseReference,
  type Reference,
  withDefaultTag,
  withDigest,
  withTag,
} from './references.ts';
import { pullError } from './registry/errors.ts';
import type { RegistryParts } from './registry/index.ts';
import { checkLayerCount, choose, type Manifest, parseManifest } from './registry/manifests.ts';
import { type Fetched, Repository } from './registry/repository.ts';
import { Final, withRegistry } from './registry/session.ts';

type Options = Parameters<Images['pull']>[0];

/** An image as a registry describes it, before its layers are here. */
interface Found {
  /** What the reference stands for: the image's manifest, or the index it was chosen from. */
  top: Fetched;
  manifest: Manifest;
  manifestBytes: Fetched;
  id: string;
  raw: string;
  config: StoredConfig;
}

/**
 * Pulls an image (or all of a repository's tags) as `POST /images/create` does.
 * @throws not-found, unauthorized, invalid-parameter, system with dockerd's texts.
 */
export async function pullImages(parts: RegistryParts, options: Options): Promise<void> {
  const wanted = options.platform ? parsePlatform(options.platform) : undefined;
  const reference = pulledReference(options);
  const named = options.all && reference.digest === undefined ? { ...reference, tag: undefined } : undefined;
  const { auth, signal, onProgress } = options;
  const use = { purpose: 'pull' as const, auth, signal };
  try {
    await withRegistry(parts.reach, reference.domain, use, async (session) => {
      const repository = new Repository(session, reference.path, 'pull');
      const references = named
        ? (await repository.tags(signal)).map((tag) => withTag(reference, tag))
        : [withDefaultTag(reference)];
      let isNew = false;
      for (const each of references)
        if (await pullOne(parts, repository, each, wanted, options)) isNew = true;
      const shown = named
        ? familiarString({ domain: reference.domain, path: reference.path })
        : familiarString(references[0]!);
      onProgress({
        status: `Status: ${isNew ? 'Downloaded newer image' : 'Image is up to date'} for ${shown}`,
      });
    });
  } catch (error) {
    throw pullError(error, named ? reference : withDefaultTag(reference));
  }
  referenceEvent(
    parts.context,
    'pull',
    named ? { domain: reference.domain, path: reference.path } : withDefaultTag(reference),
  );
}

/** `name` may carry tag and digest itself; `tag` may be a tag or a digest (`fromImage`, `tag`). */
function pulledReference({ name, tag }: Options): Reference {
  const reference = parseReference(name);
  if (!tag) return reference;
  return tag.includes(':') ? withDigest(reference, tag) : withTag(reference, tag);
}

/** Pulls what one reference stands for; true when it stands for something new now. */
async function pullOne(
  parts: RegistryParts,
  repository: Repository,
  reference: Reference,
  wanted: Platform | undefined,
  { signal, onProgress }: Options,
): Promise<boolean> {
  const { context } = parts;
  const found = await find(repository, reference, wanted, signal, onProgress);
  const key: Reference = reference.digest
    ? { domain: reference.domain, path: reference.path, digest: reference.digest }
    : reference;
  const digested = withDigest(reference, found.top.digest);
  const before = context.catalogue.idOf(fullName(key));
  const diffIds = found.config.rootfs.diff_ids;
  const release = context.retention.hold(diffIds);
  try {
    await fetchLayers(parts, repository, found, signal, onProgress).catch((error: unknown) => {
      throw new Final(error);
    });
    signal.throwIfAborted();
    context.register(found.id, found.raw, { names: reference.digest ? [digested] : [digested, reference] });
    for (const { digest, body } of new Set([found.manifestBytes, found.top]))
      context.catalogue.addManifest(digest, {
        mediaType: digest === found.manifestBytes.digest ? found.manifest.mediaType : found.top.mediaType,
        body: body.toString(),
        image: found.id,
      });
    await context.store.flush();
  } finally {
    await release();
  }
  onProgress({ status: `Digest: ${found.top.digest}` });
  warnPlatform(found, reference, wanted, onProgress);
  return before !== found.id;
}

async function find(
  repository: Repository,
  reference: Reference,
  wanted: Platform | undefined,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Found> {
  const top = await repository.manifest(reference.digest ?? reference.tag!, signal);
  const shown =
    reference.digest === undefined ? reference.tag! : fullName({ ...reference, tag: undefined } as Reference);
  onProgress({ status: `Pulling from ${reference.path}`, id: shown });
  let content = parseManifest(top.body, top.mediaType, reference);
  let manifestBytes = top;
  if (content.kind === 'index') {
    const entry = choose(content.entries, wanted);
    manifestBytes = await repository.manifest(entry.digest, signal);
    content = parseManifest(manifestBytes.body, manifestBytes.mediaType, reference);
    if (content.kind === 'index')
      throw invalidParameter('the manifest is malformed: an index within an index');
  }
  const { manifest } = content;
  const raw = (await repository.document(manifest.config.digest, manifest.config.size, signal)).toString();
  if (digestOf(raw) !== manifest.config.digest)
    throw invalidParameter('the image configuration is not UTF-8');
  const config = parseConfig(raw);
  checkLayerCount(manifest, config.rootfs.diff_ids);
  return { top, manifest, manifestBytes, id: manifest.config.digest, raw, config };
}

/** Gets the layers that are not here, in parallel; each is made mountable as soon as it has come. */
async function fetchLayers(
  parts: RegistryParts,
  repository: Repository,
  { manifest, config }: Found,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<void> {
  const { context, downloads, known } = parts;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const source = `${repository.session.domain}/${repository.path}`;
  const seen = new Set<string>();
  const missing: Array<{ digest: string; size: number; mediaType: string; diffId: string }> = [];
  for (const [index, { digest, size, mediaType }] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index]!;
    const here = context.layers.has(diffId);
    onProgress(layerLine(here ? 'Already exists' : 'Pulling fs layer', shortId(digest)));
    if (here) known.add(diffId, { digest, size, mediaType }, source);
    else if (!seen.has(`${digest} ${diffId}`)) {
      missing.push({ digest, size, mediaType, diffId });
      seen.add(`${digest} ${diffId}`);
    }
  }
  const fetch = async ({ digest, size, mediaType, diffId }: (typeof missing)[number]) => {
    await downloads.layer({
      digest,
      size,
      diffId,
      open: (offset, cut) => repository.blob(digest, offset, cut),
      signal: both,
      onProgress,
    });
    known.add(diffId, { digest, size, mediaType }, source);
    onProgress(layerLine('Pull complete', shortId(digest)));
  };
  const tasks = missing.map((layer) =>
    fetch(layer).catch((error: unknown) => {
      // One that fails ends the pull; the others stop, and keep what they have for another time.
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(tasks);
  await Promise.all(tasks).catch(() => {
    signal.throwIfAborted();
    throw stop.signal.reason;
  });
}

/** An image that stands alone is taken whatever it runs on; who asked for another platform is told. */
function warnPlatform(
  { config }: Found,
  reference: Reference,
  wanted: Platform | undefined,
  onProgress: OnProgress,
): void {
  if (!wanted || platformScore(wanted, config) > 0) return;
  onProgress({
    status: `WARNING: image with reference ${fullName(reference)} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(config)}`,
  });
}
