import { invalidParameter, notFound, systemError } from '../../base/errors.ts';
import { parseJson } from '../../base/go-json.ts';
import { MAX_CONFIG_BYTES } from '../config.ts';
import { formatPlatform, hostPlatform, type Platform, platformScore } from '../platforms.ts';
import { familiarString, isDigest, type Reference } from '../references.ts';
import { MAX_BLOB_BYTES, MAX_MANIFEST_BYTES } from './limits.ts';

export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';

export const ACCEPTED = [
  DOCKER_MANIFEST,
  DOCKER_LIST,
  OCI_MANIFEST,
  OCI_INDEX,
  // Asked for only to be refused with a clear text.
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

const LAYER_TYPES = new Set([
  DOCKER_LAYER,
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
]);

const MAX_LAYERS = 4096;
const MAX_ENTRIES = 1024;

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** One image's manifest. */
export interface Manifest {
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
}

export interface IndexEntry extends Descriptor {
  platform?: Platform;
  annotations?: Record<string, string>;
}

/** A parsed manifest, by its kind. */
export type Content =
  | { kind: 'manifest'; manifest: Manifest }
  | { kind: 'index'; mediaType: string; entries: IndexEntry[] };

/**
 * Reads a manifest or an index. The type that the registry declared and the one inside must agree, so that the same
 * bytes never mean two things.
 * @throws invalid-parameter saying what is wrong; schema 1 is refused with dockerd's text.
 */
export function parseManifest(body: Buffer, declared: string, reference: Reference): Content {
  if (body.length > MAX_MANIFEST_BYTES) throw invalidParameter('the manifest is too large');
  const type = declared.split(';')[0]!.trim().toLowerCase();
  const value = parseObject(body);
  if (type.includes('docker.distribution.manifest.v1') || value['schemaVersion'] === 1)
    throw schema1(reference);
  const inside = value['mediaType'];
  if (inside !== undefined && typeof inside !== 'string') throw malformed('its mediaType is not a string');
  const generic =
    type === '' ||
    type === 'application/json' ||
    type === 'text/plain' ||
    type === 'application/octet-stream';
  if (!generic && inside !== undefined && inside !== type)
    throw malformed(`its mediaType is ${JSON.stringify(inside)} and was declared as ${JSON.stringify(type)}`);
  const mediaType = generic ? (inside ?? guess(value)) : type;
  if (value['schemaVersion'] !== 2) throw malformed('its schemaVersion is not 2');
  if (mediaType === DOCKER_LIST || mediaType === OCI_INDEX) {
    if (value['layers'] !== undefined || value['config'] !== undefined)
      throw malformed('it is an index and a manifest at once');
    return { kind: 'index', mediaType, entries: parseEntries(value['manifests']) };
  }
  if (mediaType !== DOCKER_MANIFEST && mediaType !== OCI_MANIFEST)
    throw invalidParameter(`unsupported manifest media type ${JSON.stringify(mediaType)}`);
  if (value['manifests'] !== undefined) throw malformed('it is an index and a manifest at once');
  return { kind: 'manifest', manifest: parseImage(value, mediaType) };
}

function guess(value: Record<string, unknown>): string {
  return value['manifests'] === undefined ? OCI_MANIFEST : OCI_INDEX;
}

function parseImage(value: Record<string, unknown>, mediaType: string): Manifest {
  const config = descriptor(value['config'], 'config', MAX_CONFIG_BYTES);
  if (
    config.mediaType !== DOCKER_CONFIG &&
    config.mediaType !== OCI_CONFIG &&
    config.mediaType !== 'application/octet-stream'
  )
    throw invalidParameter(
      `this is no container image: its configuration is of type ${JSON.stringify(config.mediaType)}`,
    );
  const list = value['layers'];
  if (!Array.isArray(list) || list.length > MAX_LAYERS) throw malformed('its layers are not a list');
  const layers = list.map((item, index) => {
    const layer = descriptor(item, `layer ${index}`, MAX_BLOB_BYTES);
    if (/\.foreign\.|\.nondistributable\./.test(layer.mediaType))
      throw invalidParameter(
        `layer ${layer.digest} is foreign: its content is kept elsewhere, which is not supported`,
      );
    if (!LAYER_TYPES.has(layer.mediaType))
      throw invalidParameter(
        `layer ${layer.digest} is of an unsupported type ${JSON.stringify(layer.mediaType)}`,
      );
    return layer;
  });
  return { mediaType, config, layers };
}

function parseEntries(list: unknown): IndexEntry[] {
  if (!Array.isArray(list) || list.length > MAX_ENTRIES) throw malformed('its manifests are not a list');
  return list.map((item, index) => {
    const entry = {
      ...descriptor(item, `manifest ${index}`, MAX_MANIFEST_BYTES),
      ...annotationsIn(item as { annotations?: unknown }),
    };
    const { os, architecture, variant } = ((item as { platform?: unknown }).platform ?? {}) as Record<
      string,
      unknown
    >;
    if (typeof os !== 'string' || typeof architecture !== 'string') return entry;
    return {
      ...entry,
      platform: { os, architecture, ...(typeof variant === 'string' && variant ? { variant } : {}) },
    };
  });
}

function annotationsIn({ annotations }: { annotations?: unknown }): Pick<IndexEntry, 'annotations'> {
  if (typeof annotations !== 'object' || annotations === null) return {};
  const texts = Object.entries(annotations).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  return texts.length > 0 ? { annotations: Object.fromEntries(texts) } : {};
}

/** Reads a descriptor whose content has at most `most` bytes. @throws invalid-parameter */
export function descriptor(value: unknown, what: string, most: number): Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Record<string, unknown>;
  if (!isDigest(digest)) throw malformed(`${what} has no valid sha256 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw malformed(`${what} has no valid size`);
  if (size > most) throw invalidParameter(`${what} of the image is too large (${size} bytes)`);
  return { mediaType: typeof mediaType === 'string' ? mediaType : '', digest, size };
}

function parseObject(body: Buffer): Record<string, unknown> {
  try {
    const value = parseJson(body.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (error) {
    throw malformed(`it is not JSON (${(error as Error).message})`);
  }
  throw malformed('it is not an object');
}

const malformed = (why: string) => invalidParameter(`the manifest is malformed: ${why}`);

function schema1(reference: Reference): Error {
  return invalidParameter(
    `[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled by default and will be removed in an upcoming release. Suggest the author of ${familiarString(reference)} to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. More information at https://docs.docker.com/go/deprecated-image-specs/`,
  );
}

/**
 * The manifest of an index that fits a platform best (the machine's, when none is asked for).
 * @throws not-found with dockerd's text when none fits.
 */
export function choose(entries: IndexEntry[], wanted: Platform | undefined): IndexEntry {
  const platform = wanted ?? hostPlatform;
  let best: IndexEntry | undefined;
  let score = 0;
  for (const entry of entries) {
    const fit = entry.platform ? platformScore(platform, entry.platform) : 0;
    if (fit > score && entry.mediaType !== DOCKER_LIST && entry.mediaType !== OCI_INDEX)
      [best, score] = [entry, fit];
  }
  if (best) return best;
  throw notFound(`no matching manifest for ${formatPlatform(platform)} in the manifest list entries`);
}

/** A schema 2 manifest, byte for byte as Docker writes it. */
export function buildManifest(config: Descriptor, layers: Descriptor[]): Buffer {
  const ordered = ({ mediaType, size, digest }: Descriptor) => ({ mediaType, size, digest });
  return Buffer.from(
    JSON.stringify(
      { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: ordered(config), layers: layers.map(ordered) },
      null,
      3,
    ),
  );
}

/** @throws system when an image's parts do not agree. */
export function checkLayerCount(manifest: Manifest, diffIds: readonly string[]): void {
  if (manifest.layers.length !== diffIds.length)
    throw systemError(
      `the image configuration names ${diffIds.length} layers, its manifest ${manifest.layers.length}`,
    );
}
