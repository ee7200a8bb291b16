import { BerthError, invalidParameter, notFound } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { span } from '../../base/spans.ts';
import type { Images, OnProgress } from '../api.ts';
import { type Blob, blobsNamedBy, isAttestation, subjectOf } from '../attestations.ts';
import { digestOf, parseConfig, type StoredConfig } from '../config.ts';
import { referenceEvent } from '../events.ts';
import { formatPlatform, hostPlatform, type Platform, parsePlatform, platformScore } from '../platforms.ts';
import { layerLine, shortId } from '../progress.ts';
import {
  familiarString,
  fullName,
  parseReference,
  type Reference,
  withDefaultTag,
  withDigest,
  withTag,
  withTagOrDigest,
} from '../references.ts';
import { pullError } from './errors.ts';
import { checkLayerCount, choose, type Descriptor, type Manifest, parseManifest } from './manifests.ts';
import { type Fetched, Repository } from './repository.ts';
import type { RegistryServices } from './services.ts';
import { withRegistry } from './session.ts';

export type PullOptions = Parameters<Images['pull']>[0] & {
  /** For a base that is to be built on and is no image of its own: called while its layers are held. */
  onBase?: (config: StoredConfig, digest: string) => void;
  /** Only the configuration of such a base is wanted. */
  configOnly?: boolean;
};

/** An image as a registry describes it, before its layers are here. */
interface Found {
  /** The digest that the reference stands for: of the image's manifest, or of the index it was chosen from. */
  digest: string;
  manifest: Manifest;
  /** The manifest, and the index where there is one, with the types that they turned out to be of. */
  documents: Fetched[];
  id: string;
  raw: string;
  config: StoredConfig;
  /** Chosen from an index by the platform that this gives it. */
  listed: boolean;
  /** The entry of its index for what is said about it. */
  said: Descriptor | undefined;
}

/**
 * Pulls an image (or all of a repository's tags) as `POST /images/create` does.
 * @throws not-found, unauthorized, invalid-parameter, system with dockerd's texts.
 */
export async function pullImages(services: RegistryServices, options: PullOptions): Promise<void> {
  const wanted = options.platform ? parsePlatform(options.platform) : undefined;
  const reference = pulledReference(options);
  // The empty base of a Dockerfile: its registry has no such image, and nobody is to be given one.
  if (reference.domain === 'docker.io' && reference.path === 'library/scratch')
    throw new BerthError('forbidden', "'scratch' is a reserved name");
  const named = options.all && reference.digest === undefined ? { ...reference, tag: undefined } : undefined;
  const { auth, signal, onProgress } = options;
  const use = { purpose: 'pull' as const, auth, signal };
  const asked = named ? { domain: reference.domain, path: reference.path } : withDefaultTag(reference);
  let pulled: Found[] = [];
  try {
    await withRegistry(services.client, reference.domain, use, async (session) => {
      const repository = new Repository(session, reference.path, 'pull');
      const references = named
        ? (await repository.tags(signal)).map((tag) => withTag(reference, tag))
        : [withDefaultTag(reference)];
      pulled = [];
      let isNew = false;
      for (const each of references) {
        const result = await pullOne(services, repository, each, wanted, options);
        isNew ||= result.isNew;
        pulled.push(result.found);
      }
      onProgress({
        status: `Status: ${isNew ? 'Downloaded newer image' : 'Image is up to date'} for ${familiarString(asked)}`,
      });
    });
  } catch (error) {
    throw pullError(error, asked);
  }
  if (!options.onBase) referenceEvent(services.context, 'pull', asked);
  for (const found of pulled) checkPlatform(found, asked, wanted);
}

/** `name` may carry tag and digest itself; `tag` may be a tag or a digest (`fromImage`, `tag`). */
function pulledReference({ name, tag }: PullOptions): Reference {
  const reference = parseReference(name);
  return tag ? withTagOrDigest(reference, tag) : reference;
}

/** Pulls what one reference stands for; `isNew` when it stands for something else now. */
async function pullOne(
  services: RegistryServices,
  repository: Repository,
  reference: Reference,
  wanted: Platform | undefined,
  { signal, onProgress, onBase, configOnly = false }: PullOptions,
): Promise<{ found: Found; isNew: boolean }> {
  const { context } = services;
  const found = await span('resolve', () => find(repository, reference, wanted, signal, onProgress), {
    'oci.reference': fullName(reference),
  });
  const key: Reference = reference.digest
    ? { domain: reference.domain, path: reference.path, digest: reference.digest }
    : reference;
  const digested = withDigest(reference, found.digest);
  const before = context.catalogue.idOf(fullName(key));
  const diffIds = found.config.rootfs.diff_ids;
  const release = context.retention.lease(diffIds);
  try {
    const statements = onBase ? undefined : fetchStatements(services, repository, found, signal);
    if (!configOnly) await fetchLayers(services, repository, found, signal, onProgress);
    signal.throwIfAborted();
    if (onBase) {
      onBase(found.config, found.digest);
      return { found, isNew: true };
    }
    // Names move to it when it is safe, and not before.
    await context.layers.durable(diffIds);
    const keep = await statements;
    await context.recorded(() => {
      context.register(found.id, found.raw, {
        names: reference.digest ? [digested] : [digested, reference],
      });
      for (const { digest, mediaType, body } of found.documents)
        context.catalogue.addManifest(digest, { mediaType, body: body.toString(), image: found.id });
      keep?.();
    });
  } finally {
    await release();
  }
  onProgress({ status: `Digest: ${found.digest}` });
  return { found, isNew: before !== found.id };
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
  const documents: Fetched[] = [];
  if (wanted && wanted.os !== hostPlatform.os) throw invalidParameter('operating system is not supported');
  let content = parseManifest(top.body, top.mediaType, reference);
  let inner = top;
  let said: Descriptor | undefined;
  if (content.kind === 'index') {
    documents.push({ ...top, mediaType: content.mediaType });
    const chosen = choose(content.entries, wanted);
    said = content.entries.find((entry) => isAttestation(entry) && subjectOf(entry) === chosen.digest);
    inner = await repository.manifest(chosen.digest, signal);
    content = parseManifest(inner.body, inner.mediaType, reference);
    if (content.kind === 'index')
      throw invalidParameter('the manifest is malformed: an index within an index');
  }
  const { manifest } = content;
  documents.push({ ...inner, mediaType: manifest.mediaType });
  const raw = (await repository.document(manifest.config.digest, manifest.config.size, signal)).toString();
  if (digestOf(raw) !== manifest.config.digest)
    throw invalidParameter('the image configuration is not UTF-8');
  const config = parseConfig(raw);
  if (config.os && config.os !== hostPlatform.os)
    throw invalidParameter(
      `cannot download image with operating system ${JSON.stringify(config.os)} when requesting ${JSON.stringify(hostPlatform.os)}`,
    );
  checkLayerCount(manifest, config.rootfs.diff_ids);
  const listed = documents.length > 1;
  return { digest: top.digest, manifest, documents, id: manifest.config.digest, raw, config, listed, said };
}

/** Statements about an image are at most this long together, in bytes. */
const MAX_STATEMENTS = 32 * 1024 * 1024;

/**
 * Gets what is said about an image, while its layers come. Returns what puts it into the catalogue; an image without it is as
 * good as one with it, so that a failure is only logged.
 */
async function fetchStatements(
  { context }: RegistryServices,
  repository: Repository,
  { said, id }: Found,
  signal: AbortSignal,
): Promise<(() => void) | undefined> {
  if (!said || context.catalogue.manifest(said.digest)) return undefined;
  try {
    const { mediaType, body } = await repository.manifest(said.digest, signal);
    const text = body.toString();
    const named = blobsNamedBy(text);
    if (named.reduce((sum, { size }) => sum + size, 0) > MAX_STATEMENTS)
      throw invalidParameter(`they are longer than ${MAX_STATEMENTS} bytes`);
    const blobs: Blob[] = [];
    for (const { digest, size } of named)
      blobs.push({ digest, body: await repository.document(digest, size, signal) });
    const kept = await context.blobs.keep(blobs);
    return () => {
      context.catalogue.addManifest(said.digest, { mediaType, body: text, image: id, attestation: true });
      kept();
    };
  } catch (error) {
    log.debug({ err: error, digest: said.digest }, 'the statements about an image could not be had');
    return undefined;
  }
}

/** Gets the layers that are not here, in parallel; each is made mountable as soon as it has come. */
async function fetchLayers(
  services: RegistryServices,
  repository: Repository,
  { id, manifest, config }: Found,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<void> {
  const { context, downloads, blobSources } = services;
  // dockerd shows no lines for the layers of an image that is here.
  const present = context.catalogue.get(id) !== undefined;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const source = `${repository.session.domain}/${repository.path}`;
  const seen = new Set<string>();
  const missing: Array<{ digest: string; size: number; mediaType: string; diffId: string }> = [];
  for (const [index, { digest, size, mediaType }] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index]!;
    const here = context.layers.has(diffId);
    if (!here || !present)
      onProgress(layerLine(here ? 'Already exists' : 'Pulling fs layer', shortId(digest)));
    if (here) blobSources.add(diffId, { digest, size, mediaType }, source);
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
    blobSources.add(diffId, { digest, size, mediaType }, source);
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

/**
 * An image that stands alone is taken whatever it runs on; who asked for another platform is told at the end.
 * @throws not-found with dockerd's text.
 */
function checkPlatform({ config, listed }: Found, reference: Reference, wanted: Platform | undefined): void {
  // An index has said what it is for.
  if (!wanted || listed || platformScore(wanted, config) > 0) return;
  throw notFound(
    `image with reference ${fullName(reference)} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(config)}`,
  );
}
