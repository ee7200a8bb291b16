import { posix } from 'node:path';
import { BerthError, invalidParameter } from '../../base/errors.ts';
import { parseJson } from '../../base/go-json.ts';
import type { Layer } from '../../layers/api.ts';
import { type Blob, blobsNamedBy, isAttestation, subjectOf } from '../attestations.ts';
import { isIndexType } from '../catalogue.ts';
import { parseConfig, type StoredConfig } from '../config.ts';
import { formatPlatform, hostPlatform, matchesPlatform, type Platform, platformScore } from '../platforms.ts';
import { isDigest, parseReference, type Reference, withDefaultTag } from '../references.ts';

/** The contents of an archive, by normalised name. */
export interface Contents {
  documents: Map<string, Buffer>;
  layers: Map<string, Promise<Layer>>;
  links: Map<string, string>;
}

/** An image that an archive describes. */
export interface Described {
  raw: string;
  config: StoredConfig;
  layers: string[];
  names: Reference[];
  parent?: string;
  /** The manifest, and the index it was chosen from. */
  documents?: Array<{ digest: string; mediaType: string; body: string }>;
  /** The manifests of statements about it that the archive has. */
  attestations?: Array<{ digest: string; mediaType: string; body: string; blobs: Blob[] }>;
  /** The same image for other platforms: kept without a name. */
  variants?: Described[];
}

/** The images that the archive describes. */
export function describe(contents: Contents, wanted: readonly Platform[]): Described[] {
  const manifest = contents.documents.get('manifest.json');
  const index = contents.documents.get('index.json');
  const layout = index ? readJson(index, 'index.json') : undefined;
  // Beside manifest.json an index matters only where it has more to tell: more platforms of one image.
  const images =
    manifest && !hasNested(contents, layout)
      ? describeDocker(contents, readJson(manifest, 'manifest.json'))
      : layout !== undefined
        ? describeLayout(contents, layout)
        : undefined;
  if (!images)
    throw invalidParameter(
      'this is no archive of images: it has neither manifest.json nor index.json, nor repositories',
    );
  return forPlatforms(images, wanted);
}

/** Those of the images that are for one of the platforms; all where none is asked for. @throws invalid-parameter without any */
export function forPlatforms(images: Described[], wanted: readonly Platform[]): Described[] {
  if (wanted.length === 0 || images.length === 0) return images;
  const offered = images.flatMap((image) => [image, ...(image.variants ?? [])]);
  for (const each of wanted)
    if (!offered.some(({ config }) => matchesPlatform(each, config)))
      throw invalidParameter(`the archive has no image for the platform ${formatPlatform(each)}`);
  return images.flatMap((image) => restrict(image, wanted));
}

/** The parts of an image for these platforms, under the image's names; nothing when it has none for them. */
function restrict(image: Described, wanted: readonly Platform[]): Described[] {
  const indexes = image.documents?.filter(({ mediaType }) => isIndexType(mediaType)) ?? [];
  const alone = { ...image, documents: image.documents?.filter((each) => !indexes.includes(each)) ?? [] };
  const fitting = [alone, ...(image.variants ?? [])].filter(({ config }) =>
    wanted.some((each) => matchesPlatform(each, config)),
  );
  const chosen = choose(fitting);
  if (!chosen) return [];
  return [
    {
      ...chosen,
      names: image.names,
      documents: [...(chosen.documents ?? []), ...indexes],
      variants: fitting.filter((other) => other !== chosen),
    },
  ];
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

const blobPath = (digest: string) => `blobs/sha256/${digest.slice('sha256:'.length)}`;

function hasNested(contents: Contents, index: unknown): boolean {
  const { manifests } = (index ?? {}) as { manifests?: Descriptor[] };
  if (!Array.isArray(manifests)) return false;
  return manifests.some(({ digest, mediaType }) => {
    if (!isDigest(digest) || !/index|manifest\.list/.test(mediaType ?? '')) return false;
    return contents.documents.has(blobPath(digest));
  });
}

/** Walks an OCI index; one within it is an image of several platforms. */
function describeLayout(
  contents: Contents,
  index: unknown,
  inherited: Reference[] = [],
  depth = 0,
): Described[] {
  const manifests = (index as { manifests?: Descriptor[] } | null)?.manifests;
  if (!Array.isArray(manifests) || depth > 4) throw invalidParameter('the index of the archive is malformed');
  const found: Described[] = [];
  const said: Array<[Descriptor, Buffer]> = [];
  for (const descriptor of manifests) {
    if (!isDigest(descriptor?.digest)) throw invalidParameter('the index of the archive is malformed');
    // An archive may hold only some of the platforms of an index.
    const body = contents.documents.get(blobPath(descriptor.digest));
    if (!body && depth > 0) continue;
    if (!body) throw invalidParameter(`the archive lacks the blob ${descriptor.digest}`);
    if (isAttestation({ ...(descriptor.annotations && { annotations: descriptor.annotations }) })) {
      said.push([descriptor, body]);
      continue;
    }
    const names = inherited.length > 0 ? inherited : layoutNames(descriptor.annotations);
    const value = readJson(body, descriptor.digest) as { manifests?: unknown; mediaType?: unknown } | null;
    const nested = value?.manifests !== undefined;
    const document = {
      digest: descriptor.digest,
      mediaType: String(value?.mediaType ?? descriptor.mediaType ?? (nested ? INDEX : MANIFEST)),
      body: body.toString(),
    };
    if (nested) {
      const offered = describeLayout(contents, value, names, depth + 1);
      const chosen = choose(offered);
      if (!chosen) continue;
      found.push({
        ...chosen,
        documents: [...(chosen.documents ?? []), document],
        variants: offered.filter((other) => other !== chosen),
      });
    } else if (depth === 0 || isWhole(contents, value))
      found.push({ ...describeManifest(contents, value, names), documents: [document] });
  }
  for (const [descriptor, body] of said) addStatements(contents, found, descriptor, body);
  return mergeSame(found);
}

/** Adds statements to the image that they are about; those that the archive lacks a part of are left out. */
function addStatements(
  contents: Contents,
  images: readonly Described[],
  { digest, mediaType, annotations }: Descriptor,
  manifest: Buffer,
): void {
  const about = images.find(({ documents }) =>
    documents?.some((document) => document.digest === subjectOf({ ...(annotations && { annotations }) })),
  );
  const body = manifest.toString();
  const blobs = blobsNamedBy(body).flatMap((blob) => {
    const content = contents.documents.get(blobPath(blob.digest));
    return content ? [{ digest: blob.digest, body: content }] : [];
  });
  if (!about || blobs.length !== blobsNamedBy(body).length) return;
  about.attestations = [
    ...(about.attestations ?? []),
    { digest: digest!, mediaType: mediaType ?? MANIFEST, body, blobs },
  ];
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Whether the archive has all that a manifest names. */
function isWhole(contents: Contents, manifest: unknown): boolean {
  const { config, layers } = (manifest ?? {}) as { config?: Descriptor; layers?: Descriptor[] };
  if (!isDigest(config?.digest) || !Array.isArray(layers)) return true; // malformed: told by who reads it
  const has = ({ digest }: Descriptor, among: Map<string, unknown>) =>
    isDigest(digest) && among.has(resolveLink(contents, blobPath(digest), among));
  return has(config, contents.documents) && layers.every((layer) => has(layer ?? {}, contents.layers));
}

function describeManifest(contents: Contents, manifest: unknown, names: Reference[]): Described {
  const { config, layers } = (manifest ?? {}) as { config?: Descriptor; layers?: Descriptor[] };
  if (
    !isDigest(config?.digest) ||
    !Array.isArray(layers) ||
    !layers.every((layer) => isDigest(layer?.digest))
  )
    throw invalidParameter('a manifest in the archive is malformed');
  const raw = document(contents, blobPath(config.digest)).toString();
  return { raw, config: parseConfig(raw), layers: layers.map((layer) => blobPath(layer.digest!)), names };
}

/** The platform of an image that serves this machine best, else the first. */
function choose(offered: Described[]): Described | undefined {
  return offered.toSorted(
    (left, right) => platformScore(hostPlatform, right.config) - platformScore(hostPlatform, left.config),
  )[0];
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

/** An entry's name without detours: `./a//b` and `/a/b` are `a/b`. */
export function normalName(name: string): string {
  return posix.normalize(`/${name}`).slice(1);
}

/** A document of the archive by its path. @throws invalid-parameter where it is missing */
export function document(contents: Contents, path: string): Buffer {
  const body = contents.documents.get(resolveLink(contents, normalName(path), contents.documents));
  if (!body) throw invalidParameter(`the archive lacks ${path}`);
  return body;
}

/** Older archives write a layer that two images share as a link. */
export function resolveLink(contents: Contents, name: string, known: Map<string, unknown>): string {
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

/** The value of a document. @throws invalid-parameter for what is not JSON */
export function readJson(body: Buffer, name: string): unknown {
  try {
    return parseJson(body.toString());
  } catch (error) {
    throw new BerthError('invalid-parameter', `${name} is not JSON: ${(error as Error).message}`);
  }
}
