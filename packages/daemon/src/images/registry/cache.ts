import { invalidParameter, notFound } from '../../base/errors.ts';
import { parseJson } from '../../base/go-json.ts';
import type { CacheSource, ImageDescriptor, Images } from '../api.ts';
import { digestOf, MAX_CONFIG_BYTES, parseConfig } from '../config.ts';
import { parsePlatform } from '../platforms.ts';
import { credentialsHost, parseReference, withDefaultTag } from '../references.ts';
import { MAX_BLOB_BYTES } from './limits.ts';
import {
  checkLayerCount,
  choose,
  type Descriptor,
  descriptor,
  OCI_INDEX,
  OCI_MANIFEST,
  parseManifest,
} from './manifests.ts';
import { type Fetched, Repository } from './repository.ts';
import type { RegistryServices } from './services.ts';
import { withRegistry } from './session.ts';

/** The configuration of a cache of build steps, by which its manifest is told from an image's (BuildKit). */
const CACHE_CONFIG = 'application/vnd.buildkit.cacheconfig.v0';

/**
 * Reads what a build may take steps from: an image with an inline cache, or a manifest of cached steps. Of the layers
 * nothing is fetched until one is asked for.
 * @throws RegistryError; invalid-parameter for a malformed manifest.
 */
export async function readCache(
  services: RegistryServices,
  options: Parameters<Images['readCache']>[0],
): Promise<CacheSource> {
  const reference = withDefaultTag(parseReference(options.reference));
  const { signal } = options;
  const auth = await options.auth(credentialsHost(reference));
  return withRegistry(
    services.client,
    reference.domain,
    { purpose: 'pull', auth, signal },
    async (session) => {
      const repository = new Repository(session, reference.path, 'pull');
      const top = await repository.manifest(reference.digest ?? reference.tag!, signal);
      const fetch = layerFetcher(services, repository);
      const cache = cacheParts(top);
      if (cache) {
        const config = await repository.document(cache.config.digest, cache.config.size, signal);
        return {
          mediaType: top.mediaType,
          kind: 'cache',
          config: config.toString(),
          layers: cache.layers,
          fetch,
        };
      }
      let content = parseManifest(top.body, top.mediaType, reference);
      if (content.kind === 'index') {
        const wanted = options.platform ? parsePlatform(options.platform) : undefined;
        const inner = await repository.manifest(choose(content.entries, wanted).digest, signal);
        content = parseManifest(inner.body, inner.mediaType, reference);
        if (content.kind === 'index')
          throw invalidParameter('the manifest is malformed: an index within an index');
      }
      const { manifest } = content;
      const raw = (
        await repository.document(manifest.config.digest, manifest.config.size, signal)
      ).toString();
      checkLayerCount(manifest, parseConfig(raw).rootfs.diff_ids);
      return { mediaType: top.mediaType, kind: 'image', config: raw, layers: manifest.layers, fetch };
    },
  );
}

/** The parts of a manifest of cached steps; undefined for that of an image. Both forms are read: index and image. */
function cacheParts({ body }: Fetched): { config: Descriptor; layers: Descriptor[] } | undefined {
  let value: { config?: { mediaType?: unknown }; layers?: unknown; manifests?: unknown };
  try {
    value = (parseJson(body.toString()) ?? {}) as typeof value;
  } catch {
    return undefined; // the parser of manifests says what is wrong
  }
  const list = (items: unknown) =>
    (Array.isArray(items) ? items : []).map((item, index) => ({
      ...descriptor(item, `layer ${index}`, MAX_BLOB_BYTES),
    }));
  if (value.config?.mediaType === CACHE_CONFIG)
    return { config: descriptor(value.config, 'config', MAX_CONFIG_BYTES), layers: list(value.layers) };
  const entries = Array.isArray(value.manifests) ? value.manifests : [];
  const config = entries.find((entry) => entry?.mediaType === CACHE_CONFIG);
  if (!config) return undefined;
  return {
    config: descriptor(config, 'config', MAX_CONFIG_BYTES),
    layers: list(entries.filter((entry) => entry !== config)),
  };
}

function layerFetcher(
  { downloads, blobSources }: RegistryServices,
  repository: Repository,
): CacheSource['fetch'] {
  return async ({ digest, size, mediaType }, diffId, { signal, onProgress }) => {
    const open = (offset: number, cut: AbortSignal) => repository.blob(digest, offset, cut);
    const layer = await downloads.layer({ digest, size, diffId, open, signal, onProgress });
    blobSources.add(diffId, { digest, size, mediaType }, `${repository.session.domain}/${repository.path}`);
    return layer;
  };
}

/**
 * Writes a manifest of cached steps: the layers, which are here and held, and what `config` makes of their descriptors.
 * @throws RegistryError
 */
export async function writeCache(
  services: RegistryServices,
  options: Parameters<Images['writeCache']>[0],
): Promise<ImageDescriptor> {
  const reference = withDefaultTag(parseReference(options.reference));
  if (reference.tag === undefined)
    throw notFound(`a cache is written to a tag, ${options.reference} is a digest`);
  const { signal, onProgress } = options;
  const auth = await options.auth(credentialsHost(reference));
  return withRegistry(
    services.client,
    reference.domain,
    { purpose: 'push', auth, signal },
    async (session) => {
      const repository = new Repository(session, reference.path, 'pull,push');
      const target = { repository, domain: reference.domain, signal, onProgress };
      const layers: Descriptor[] = [];
      for (const diffId of options.diffIds) {
        const { mediaType, digest, size } = await services.uploads.send(target, diffId);
        layers.push({ mediaType, digest, size });
      }
      const body = Buffer.from(JSON.stringify(options.config(layers)));
      const config = { mediaType: CACHE_CONFIG, digest: digestOf(body), size: body.length };
      if ((await repository.has(config.digest, signal)) === undefined) {
        const upload = await repository.beginUpload(signal);
        if (upload) await repository.commit(upload, config.digest, signal, body);
      }
      const mediaType = options.index ? OCI_INDEX : OCI_MANIFEST;
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          ...(options.index ? { manifests: [...layers, config] } : { config, layers }),
        }),
      );
      await repository.putManifest(reference.tag!, mediaType, manifest, signal);
      return { mediaType, digest: digestOf(manifest), size: manifest.length };
    },
  );
}
