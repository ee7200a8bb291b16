import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { BerthError, invalidParameter, systemError } from '../errors.ts';
import type { Layer } from '../layers/face.ts';
import { type ArchiveEntry, archiveEntries, archiveError, compressionOf, peek, readAll } from './archive.ts';
import { digestOf, parseConfig, type StoredConfig } from './config.ts';
import type { ImagesContext } from './context.ts';
import { imageEvent } from './events.ts';
import type { OnProgress } from './face.ts';
import { formatPlatform, matchesPlatform, type Platform, parsePlatform } from './platforms.ts';
import { Meter, shortId, transferLine } from './progress.ts';
import {
  familiarString,
  fullName,
  isDigest,
  parseReference,
  type Reference,
  withDefaultTag,
} from './references.ts';

const MAX_JSON = 8 * 1024 * 1024;
const MAX_JSON_TOTAL = 128 * 1024 * 1024;
const MAX_ENTRIES = 100_000;
/** How many layers may be on their way to disk while the archive is read on. */
const MAX_PENDING = 4;

interface Options {
  platform?: string;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** What an archive held, by normalised name. */
interface Contents {
  documents: Map<string, Buffer>;
  layers: Map<string, Promise<Layer>>;
  links: Map<string, string>;
}

/** An image that an archive describes. */
interface Described {
  raw: string;
  config: StoredConfig;
  layers: string[];
  names: Reference[];
  parent?: string;
}

/**
 * Takes in the images of an archive (`docker save` of any age that writes manifest.json, or an OCI layout) in one pass:
 * layers are unpacked as they stream by, and registered once the archive has told what they belong to.
 */
export async function loadImages(context: ImagesContext, tar: Readable, options: Options): Promise<void> {
  const wanted = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const contents: Contents = { documents: new Map(), layers: new Map(), links: new Map() };
  const releases: Array<() => Promise<void>> = [];
  const stop = () => tar.destroy(options.signal.reason as Error);
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    await receive(context, tar, contents, releases, options);
    const images = describe(contents, wanted);
    for (const image of images) await register(context, contents, image, options.onProgress);
  } finally {
    options.signal.removeEventListener('abort', stop);
    await Promise.allSettled(contents.layers.values());
    for (const release of releases) await release();
  }
}

async function receive(
  context: ImagesContext,
  tar: Readable,
  contents: Contents,
  releases: Array<() => Promise<void>>,
  options: Options,
): Promise<void> {
  let entries = 0;
  let bytes = 0;
  const pending = new Set<Promise<unknown>>();
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
      releases.push(context.retention.hold([digest]));
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
      releases.push(context.retention.hold([layer.diffId]));
      return layer;
    });
    contents.layers.set(name, adding);
    const tracked = adding.catch(() => undefined).finally(() => pending.delete(tracked));
    pending.add(tracked);
    await Promise.race([ended(stream), adding]);
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

function normalName(name: string): string {
  return posix.normalize(`/${name}`).slice(1);
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

/** What the archive says its images are. */
function describe(contents: Contents, wanted: Platform | undefined): Described[] {
  const manifest = contents.documents.get('manifest.json');
  const index = contents.documents.get('index.json');
  const images = manifest
    ? describeDocker(contents, parseJson(manifest, 'manifest.json'))
    : index
      ? describeLayout(contents, parseJson(index, 'index.json'), wanted)
      : undefined;
  if (!images) throw systemError('this is no archive of images: it has neither manifest.json nor index.json');
  if (!wanted) return images;
  const fitting = images.filter(({ config }) => matchesPlatform(wanted, config));
  if (fitting.length === 0 && images.length > 0)
    throw invalidParameter(`the archive has no image for the platform ${formatPlatform(wanted)}`);
  return fitting;
}

interface DockerManifest {
  Config: string;
  RepoTags?: string[] | null;
  Layers?: string[] | null;
  Parent?: string;
}

function describeDocker(contents: Contents, value: unknown): Described[] {
  if (!Array.isArray(value)) throw invalidParameter('manifest.json is not a list');
  return (value as DockerManifest[]).map((item) => {
    const { Config, RepoTags, Layers, Parent } = (item ?? {}) as DockerManifest;
    if (typeof Config !== 'string' || !isStrings(RepoTags) || !isStrings(Layers))
      throw invalidParameter('manifest.json is malformed');
    const raw = document(contents, Config).toString();
    const config = parseConfig(raw);
    const names = (RepoTags ?? []).map((text) => {
      const reference = parseReference(text);
      if (reference.tag === undefined || reference.digest !== undefined)
        throw invalidParameter(`invalid tag ${JSON.stringify(text)}`);
      return reference;
    });
    return { raw, config, layers: Layers ?? [], names, ...(isDigest(Parent) ? { parent: Parent } : {}) };
  });
}

interface Descriptor {
  mediaType?: string;
  digest?: string;
  size?: number;
  platform?: Platform;
  annotations?: Record<string, string>;
}

/** Walks an OCI index. Of a nested index with several platforms the one that was asked for (or this machine's) is taken. */
function describeLayout(
  contents: Contents,
  index: unknown,
  wanted: Platform | undefined,
  inherited: Reference[] = [],
  depth = 0,
): Described[] {
  const manifests = (index as { manifests?: Descriptor[] } | null)?.manifests;
  if (!Array.isArray(manifests) || depth > 4) throw invalidParameter('the index of the archive is malformed');
  const found: Described[] = [];
  for (const descriptor of manifests) {
    if (!isDigest(descriptor?.digest)) throw invalidParameter('the index of the archive is malformed');
    // Of an index with many platforms an archive may hold only some.
    const body = contents.documents.get(`blobs/sha256/${descriptor.digest.slice('sha256:'.length)}`);
    if (!body && depth > 0) continue;
    if (!body) throw invalidParameter(`the archive lacks the blob ${descriptor.digest}`);
    if (descriptor.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest') continue;
    const names = inherited.length > 0 ? inherited : layoutNames(descriptor.annotations);
    const value = parseJson(body, descriptor.digest) as { manifests?: unknown } | null;
    if (value?.manifests === undefined) found.push(describeManifest(contents, value, names));
    else found.push(...pickPlatform(describeLayout(contents, value, wanted, names, depth + 1), wanted));
  }
  return mergeSame(found);
}

function describeManifest(contents: Contents, manifest: unknown, names: Reference[]): Described {
  const { config, layers } = (manifest ?? {}) as { config?: Descriptor; layers?: Descriptor[] };
  if (
    !isDigest(config?.digest) ||
    !Array.isArray(layers) ||
    !layers.every((layer) => isDigest(layer?.digest))
  )
    throw invalidParameter('a manifest in the archive is malformed');
  const path = (digest: string) => `blobs/sha256/${digest.slice('sha256:'.length)}`;
  const raw = document(contents, path(config.digest)).toString();
  return { raw, config: parseConfig(raw), layers: layers.map((layer) => path(layer.digest!)), names };
}

function pickPlatform(images: Described[], wanted: Platform | undefined): Described[] {
  if (images.length <= 1 || !wanted) return images.slice(0, Math.max(1, images.length));
  const fitting = images.filter(({ config }) => matchesPlatform(wanted, config));
  return fitting.length > 0 ? fitting : images;
}

/** The same image under several names comes once for each. */
function mergeSame(images: Described[]): Described[] {
  const merged = new Map<string, Described>();
  for (const image of images) {
    const known = merged.get(image.raw);
    if (known) known.names = [...known.names, ...image.names];
    else merged.set(image.raw, { ...image });
  }
  return [...merged.values()];
}

/** containerd writes the whole name into one annotation; others at least a tag or a name into the OCI's own. */
function layoutNames(annotations: Record<string, string> | undefined): Reference[] {
  const text =
    annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'];
  if (typeof text !== 'string' || (!/[/:]/.test(text) && !annotations?.['io.containerd.image.name']))
    return [];
  const reference = withDefaultTag(parseReference(text));
  return reference.tag === undefined
    ? []
    : [{ domain: reference.domain, path: reference.path, tag: reference.tag }];
}

async function register(
  context: ImagesContext,
  contents: Contents,
  image: Described,
  onProgress: OnProgress,
): Promise<void> {
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
  const id = digestOf(image.raw);
  for (const name of image.names) {
    const before = context.catalogue.idOf(fullName(name));
    if (before !== undefined && before !== id)
      onProgress({
        stream: `The image ${familiarString(name)} already exists, renaming the old one with ID ${before} to empty string\n`,
      });
  }
  context.register(id, image.raw, {
    names: image.names,
    ...(image.parent === undefined ? {} : { parent: image.parent }),
  });
  await context.store.flush();
  imageEvent(context, 'load', id);
  for (const name of image.names) onProgress({ stream: `Loaded image: ${familiarString(name)}\n` });
  if (image.names.length === 0) onProgress({ stream: `Loaded image ID: ${id}\n` });
}

function document(contents: Contents, path: string): Buffer {
  const body = contents.documents.get(resolveLink(contents, normalName(path), contents.documents));
  if (!body) throw invalidParameter(`the archive lacks ${path}`);
  return body;
}

/** Older archives write a layer that two images share as a link. */
function resolveLink(contents: Contents, name: string, known: Map<string, unknown>): string {
  let current = name;
  for (let hops = 0; hops < 16 && !known.has(current); hops += 1) {
    const target = contents.links.get(current);
    if (target === undefined) break;
    current = target;
  }
  return current;
}

function isStrings(value: unknown): value is string[] | null | undefined {
  return (
    value === undefined ||
    value === null ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  );
}

function parseJson(body: Buffer, name: string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new BerthError('invalid-parameter', `${name} is not JSON: ${(error as Error).message}`);
  }
}
