import { invalidParameter } from '../../base/errors.ts';
import { type Blob, blobsNamedBy, isAttestation, subjectOf } from '../attestations.ts';
import { isIndexType } from '../catalogue.ts';
import type { StoredConfig } from '../config.ts';
import { formatPlatform, hostPlatform, matchesPlatform, type Platform, platformScore } from '../platforms.ts';
import { isDigest, parseReference, type Reference, withDefaultTag } from '../references.ts';
import { ArchiveReading, breathe, type Contents, resolveLink } from './archive-reading.ts';

/** An image that an archive describes. */
export interface Described {
  /** The digest of its configuration, `raw`. */
  id: string;
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
export async function describe(contents: Contents, wanted: readonly Platform[]): Promise<Described[]> {
  const reading = new ArchiveReading(contents);
  const manifest = contents.documents.get('manifest.json');
  const index = contents.documents.get('index.json');
  const layout = index ? reading.json(index, 'index.json') : undefined;
  // Beside manifest.json an index matters only where it has more to tell: more platforms of one image.
  const images =
    manifest && !hasNested(contents, layout)
      ? await describeDocker(reading, reading.json(manifest, 'manifest.json'))
      : layout !== undefined
        ? await describeLayout(reading, layout)
        : undefined;
  if (!images)
    throw invalidParameter(
      'this is no archive of images, which has manifest.json or index.json: open repositories: no such file or directory',
    );
  return forPlatforms(images, wanted);
}

/** The images that are for one of the platforms; all if none is asked for. @throws invalid-parameter without any */
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

async function describeDocker(reading: ArchiveReading, value: unknown): Promise<Described[]> {
  if (!Array.isArray(value)) throw invalidParameter('manifest.json is not a list');
  reading.count(value.length);
  const images: Described[] = [];
  for (const item of value as DockerManifest[]) {
    await breathe();
    const { Config, RepoTags, Layers, Parent } = (item ?? {}) as DockerManifest;
    if (typeof Config !== 'string' || !isStrings(RepoTags) || !isStrings(Layers))
      throw invalidParameter('manifest.json is malformed');
    reading.count((RepoTags?.length ?? 0) + (Layers?.length ?? 0));
    const body = reading.document(Config);
    const [raw, config] = [reading.text(body), reading.config(body)];
    const names = (RepoTags ?? []).map((text) => {
      const reference = parseReference(text);
      if (reference.tag === undefined || reference.digest !== undefined)
        throw invalidParameter(`invalid tag ${JSON.stringify(text)}`);
      return reference;
    });
    images.push({
      id: reading.digest(body),
      raw,
      config,
      layers: Layers ?? [],
      names,
      ...(isDigest(Parent) ? { parent: Parent } : {}),
    });
  }
  return images;
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

/** Entries of an index within one, which are one image for so many platforms: they are registered together. */
const MOST_VARIANTS = 256;

/** Walks an OCI index; one within it is an image of several platforms. */
async function describeLayout(
  reading: ArchiveReading,
  index: unknown,
  inherited: Reference[] = [],
  depth = 0,
): Promise<Described[]> {
  const { contents } = reading;
  const manifests = (index as { manifests?: Descriptor[] } | null)?.manifests;
  if (!Array.isArray(manifests) || depth > 4) throw invalidParameter('the index of the archive is malformed');
  const found: Described[] = [];
  const said = new Map<string, [Descriptor, Buffer]>();
  reading.count(manifests.length);
  if (depth > 0 && manifests.length > MOST_VARIANTS)
    throw invalidParameter(`an index in the archive has more than ${MOST_VARIANTS} entries`);
  for (const descriptor of manifests) {
    await breathe();
    if (!isDigest(descriptor?.digest)) throw invalidParameter('the index of the archive is malformed');
    // An archive may hold only some of the platforms of an index.
    const body = contents.documents.get(blobPath(descriptor.digest));
    if (!body && depth > 0) continue;
    if (!body) throw invalidParameter(`the archive lacks the blob ${descriptor.digest}`);
    if (isAttestation({ ...(descriptor.annotations && { annotations: descriptor.annotations }) })) {
      said.set(descriptor.digest, [descriptor, body]);
      continue;
    }
    const names = inherited.length > 0 ? inherited : layoutNames(descriptor.annotations);
    const value = reading.json(body, descriptor.digest) as {
      manifests?: unknown;
      mediaType?: unknown;
    } | null;
    const nested = value?.manifests !== undefined;
    const document = {
      digest: descriptor.digest,
      mediaType: String(value?.mediaType ?? descriptor.mediaType ?? (nested ? INDEX : MANIFEST)),
      body: reading.text(body),
    };
    if (nested) {
      const offered = await describeLayout(reading, value, names, depth + 1);
      const chosen = choose(offered);
      if (!chosen) continue;
      found.push({
        ...chosen,
        documents: [...(chosen.documents ?? []), document],
        variants: offered.filter((other) => other !== chosen),
      });
    } else if (depth === 0 || isWhole(reading, value))
      found.push({ ...describeManifest(reading, value, names), documents: [document] });
  }
  const images = mergeSame(found);
  const byDocument = new Map(
    images.flatMap((image) => (image.documents ?? []).map(({ digest }) => [digest, image] as const)),
  );
  for (const [descriptor, body] of said.values()) {
    await breathe();
    addStatements(reading, byDocument, descriptor, body);
  }
  return images;
}

/** Adds statements to the image that they are about; those that the archive lacks a part of are left out. */
function addStatements(
  reading: ArchiveReading,
  images: ReadonlyMap<string, Described>,
  { digest, mediaType, annotations }: Descriptor,
  manifest: Buffer,
): void {
  const about = images.get(subjectOf({ ...(annotations && { annotations }) }));
  const body = reading.text(manifest);
  const named = blobsNamedBy(body);
  reading.count(named.length);
  const blobs = named.flatMap((blob) => {
    const content = reading.contents.documents.get(blobPath(blob.digest));
    return content ? [{ digest: blob.digest, body: content }] : [];
  });
  if (!about || blobs.length !== named.length) return;
  about.attestations ??= [];
  about.attestations.push({ digest: digest!, mediaType: mediaType ?? MANIFEST, body, blobs });
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Whether the archive has all that a manifest names. */
function isWhole(reading: ArchiveReading, manifest: unknown): boolean {
  const { contents } = reading;
  const { config, layers } = (manifest ?? {}) as { config?: Descriptor; layers?: Descriptor[] };
  if (!isDigest(config?.digest) || !Array.isArray(layers)) return true; // malformed: told by who reads it
  reading.count(layers.length);
  const has = ({ digest }: Descriptor, among: Map<string, unknown>) =>
    isDigest(digest) && among.has(resolveLink(contents, blobPath(digest), among));
  return has(config, contents.documents) && layers.every((layer) => has(layer ?? {}, contents.layers));
}

function describeManifest(reading: ArchiveReading, manifest: unknown, names: Reference[]): Described {
  const { config, layers } = (manifest ?? {}) as { config?: Descriptor; layers?: Descriptor[] };
  if (
    !isDigest(config?.digest) ||
    !Array.isArray(layers) ||
    !layers.every((layer) => isDigest(layer?.digest))
  )
    throw invalidParameter('a manifest in the archive is malformed');
  reading.count(layers.length);
  const body = reading.document(blobPath(config.digest));
  return {
    id: reading.digest(body),
    raw: reading.text(body),
    config: reading.config(body),
    layers: layers.map((layer) => blobPath(layer.digest!)),
    names,
  };
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
    const known = merged.get(image.id);
    if (known) known.names.push(...image.names);
    else merged.set(image.id, { ...image, names: [...image.names] });
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

function isStrings(value: unknown): value is string[] | null | undefined {
  return (
    value === undefined ||
    value === null ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  );
}
