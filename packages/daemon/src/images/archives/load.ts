import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { invalidParameter } from '../../base/errors.ts';
import type { Layer } from '../../layers/api.ts';
import type { OnProgress } from '../api.ts';
import { digestOf } from '../config.ts';
import type { ImagesContext } from '../context.ts';
import { imageEvent } from '../events.ts';
import { parsePlatform } from '../platforms.ts';
import { Meter, shortId, transferLine } from '../progress.ts';
import { familiarString, fullName } from '../references.ts';
import { type ArchiveEntry, archiveEntries, archiveError, compressionOf, peek, readAll } from './archive.ts';
import { type Contents, normalName, resolveLink } from './archive-reading.ts';
import { type Described, describe, forPlatforms } from './load-describe.ts';

const MAX_JSON = 8 * 1024 * 1024;
const MAX_JSON_TOTAL = 128 * 1024 * 1024;
const MAX_ENTRIES = 100_000;
/** How many layers may be on their way to disk while the archive is read on. */
const MAX_PENDING = 4;

interface Options {
  platforms?: string[];
  signal: AbortSignal;
  onProgress: OnProgress;
}

/**
 * Takes in the images of an archive (`docker save` of any age, or an OCI layout) in one pass:
 * layers are unpacked as they stream by, and registered once the archive has told what they belong to.
 */
export async function loadImages(context: ImagesContext, tar: Readable, options: Options): Promise<void> {
  const wanted = (options.platforms ?? []).map(parsePlatform);
  const contents: Contents = { documents: new Map(), layers: new Map(), links: new Map() };
  const releases: Array<() => Promise<void>> = [];
  // Layers on their way in, also those of a name that the archive has twice.
  const pending = new Set<Promise<unknown>>();
  const stop = () => tar.destroy(options.signal.reason as Error);
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    await receive(context, tar, contents, pending, releases, options);
    const images = await describeAll(contents, wanted);
    for (const image of parentsFirst(images)) await register(context, contents, image, options.onProgress);
  } finally {
    options.signal.removeEventListener('abort', stop);
    await Promise.all(pending);
    for (const release of releases) await release();
  }
}

async function describeAll(
  contents: Contents,
  wanted: ReturnType<typeof parsePlatform>[],
): Promise<Described[]> {
  const legacy = contents.documents.has('repositories') ? await import('./load-legacy.ts') : undefined;
  if (!legacy?.isLegacy(contents)) return describe(contents, wanted);
  return forPlatforms(await legacy.describeLegacy(contents), wanted);
}

/** An image's parent comes before it; one that is not in the archive is nobody's parent. */
function parentsFirst(images: Described[]): Described[] {
  const all = new Map(images.map((image) => [image.id, image]));
  const ordered = new Set<Described>();
  for (const image of images) {
    const line = new Set<Described>();
    for (let each: Described | undefined = image; each && !line.has(each) && !ordered.has(each); ) {
      line.add(each);
      each = each.parent === undefined ? undefined : all.get(each.parent);
    }
    for (const each of [...line].reverse()) ordered.add(each);
  }
  return [...ordered].map((image) => {
    const { parent, ...rest } = image;
    return parent !== undefined && all.has(parent) ? image : rest;
  });
}

async function receive(
  context: ImagesContext,
  tar: Readable,
  contents: Contents,
  pending: Set<Promise<unknown>>,
  releases: Array<() => Promise<void>>,
  options: Options,
): Promise<void> {
  let entries = 0;
  let bytes = 0;
  for await (const entry of archiveEntries(tar)) {
    options.signal.throwIfAborted();
    entries += 1;
    if (entries > MAX_ENTRIES) throw invalidParameter(`the archive has more than ${MAX_ENTRIES} entries`);
    const name = normalName(entry.name);
    if (entry.type === 'symlink')
      contents.links.set(name, normalName(posix.join('/', posix.dirname(name), entry.linkname)));
    else if (entry.type === 'link') contents.links.set(name, normalName(entry.linkname));
    if (entry.type !== 'file' && entry.type !== 'contiguous-file') continue;
    const digest = blobDigest(name);
    if (digest !== undefined && context.layers.has(digest)) {
      // The name of an uncompressed layer is its diffId: what is here already need not be read.
      releases.push(context.retention.lease([digest]));
      const layer = context.layers.get(digest);
      if (layer) {
        contents.layers.set(name, Promise.resolve(layer));
        continue;
      }
    }
    const { head, stream } = await peek(entry.content, 512);
    if (isDocument(name, head)) {
      const body = await readAll(stream, MAX_JSON, entry.name);
      bytes += body.length;
      if (bytes > MAX_JSON_TOTAL) throw invalidParameter('the descriptions in the archive are too large');
      if (digest !== undefined && digestOf(body) !== digest)
        throw invalidParameter(`the content of ${entry.name} does not have the digest that its name says`);
      contents.documents.set(name, body);
      continue;
    }
    const adding = addLayer(context, entry, head, stream, digest, options).then((layer) => {
      releases.push(context.retention.lease([layer.diffId]));
      return layer;
    });
    contents.layers.set(name, adding);
    const tracked = adding.catch(() => undefined).finally(() => pending.delete(tracked));
    pending.add(tracked);
    await Promise.race([ended(stream), adding]);
    // One that was given up half-way tells why; no entry would come behind it.
    if (!stream.readableEnded) await adding;
    if (pending.size >= MAX_PENDING) await Promise.race(pending);
  }
  await Promise.all(contents.layers.values());
}

/** Feeds one entry to the layers room, checking the digest that its name promises. */
async function addLayer(
  { layers }: ImagesContext,
  entry: ArchiveEntry,
  head: Buffer,
  stream: Readable,
  digest: string | undefined,
  { signal, onProgress }: Options,
): Promise<Layer> {
  const plain = compressionOf(head) === 'none';
  const label = digest === undefined ? '' : shortId(digest);
  const meter = new Meter(onProgress, 'Loading layer', label, entry.size);
  const hash = digest !== undefined && !plain ? createHash('sha256') : undefined;
  const counted = new Transform({
    readableHighWaterMark: 1 << 18,
    transform(chunk: Buffer, _encoding, done) {
      hash?.update(chunk);
      if (label !== '') meter.add(chunk.length);
      done(null, chunk);
    },
    flush(done) {
      const mismatch = hash && `sha256:${hash.digest('hex')}` !== digest;
      done(
        mismatch
          ? invalidParameter(`the content of ${entry.name} does not have the digest that its name says`)
          : null,
      );
    },
  });
  stream.on('error', (error) => counted.destroy(archiveError(error) as Error));
  // The reader gets the error; without a listener it would end the daemon.
  counted.on('error', () => undefined);
  counted.on('close', () => stream.destroy());
  stream.pipe(counted);
  const layer = await layers.add(counted, {
    signal,
    ...(digest !== undefined && plain ? { expected: digest } : {}),
  });
  if (label === '') onProgress(transferLine('Loading layer', shortId(layer.diffId), entry.size, entry.size));
  return layer;
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
  });
}

/** The digest that an entry of an OCI layout is named by. */
function blobDigest(name: string): string | undefined {
  const match = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(name);
  return match ? `sha256:${match[1]}` : undefined;
}

/** JSON and the small texts of archives, as opposed to layers. A tar's first name may begin with a brace. */
function isDocument(name: string, head: Buffer): boolean {
  if (head.subarray(257, 262).toString('latin1') === 'ustar') return false;
  const base = posix.basename(name);
  if (['repositories', 'VERSION', 'oci-layout', 'json'].includes(base)) return true;
  return /^\s*[[{]/.test(head.toString('latin1')) && compressionOf(head) === 'none';
}

async function register(
  context: ImagesContext,
  contents: Contents,
  image: Described,
  onProgress: OnProgress,
): Promise<void> {
  const { catalogue } = context;
  const variants = image.variants ?? [];
  for (const each of [image, ...variants]) await checkLayers(contents, each);
  const { id } = image;
  for (const name of image.names) {
    const before = catalogue.idOf(fullName(name));
    if (before !== undefined && before !== id)
      onProgress({
        stream: `The image ${familiarString(name)} already exists, renaming the old one with ID ${before} to empty string\n`,
      });
  }
  await context.layers.durable([image, ...variants].flatMap(({ config }) => config.rootfs.diff_ids));
  const kept = await context.blobs.keep(
    [image, ...variants].flatMap(({ attestations = [] }) => attestations.flatMap(({ blobs }) => blobs)),
  );
  await context.recorded(() => {
    for (const each of [...variants, image]) {
      const own = each.id;
      context.register(own, each.raw, {
        names: each === image ? image.names : [],
        ...(each.parent === undefined ? {} : { parent: each.parent }),
      });
      for (const { digest, mediaType, body } of each.documents ?? [])
        catalogue.addManifest(digest, { mediaType, body, image: own });
      for (const { digest, mediaType, body } of each.attestations ?? [])
        catalogue.addManifest(digest, { mediaType, body, image: own, attestation: true });
    }
    kept();
  });
  imageEvent(context, 'load', id);
  for (const name of image.names) onProgress({ stream: `Loaded image: ${familiarString(name)}\n` });
  if (image.names.length === 0) onProgress({ stream: `Loaded image ID: ${id}\n` });
}

async function checkLayers(contents: Contents, image: Described): Promise<void> {
  const diffIds = image.config.rootfs.diff_ids;
  if (image.layers.length !== diffIds.length)
    throw invalidParameter(
      `invalid manifest, layers length mismatch: expected ${image.layers.length}, got ${diffIds.length}`,
    );
  for (const [index, path] of image.layers.entries()) {
    const layer = await contents.layers.get(resolveLink(contents, normalName(path), contents.layers));
    if (!layer) throw invalidParameter(`the archive lacks the layer ${path}`);
    if (layer.diffId !== diffIds[index])
      throw invalidParameter(
        `invalid diffID for layer ${index}: expected ${JSON.stringify(diffIds[index])}, got ${JSON.stringify(layer.diffId)}`,
      );
  }
}
