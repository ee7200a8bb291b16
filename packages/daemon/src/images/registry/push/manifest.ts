import type { Entry } from '../../catalogue.ts';
import type { Reference } from '../../references.ts';
import {
  buildManifest,
  type Descriptor,
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_MANIFEST,
  parseManifest,
} from '../manifests.ts';
import type { RegistryServices } from '../services.ts';
import type { Target } from '../uploads.ts';

/** A manifest whose parts are in the repository; it is not itself yet. */
export interface Pushed {
  mediaType: string;
  body: Buffer;
}

/** Pushes under a manifest that the image came with, or was pushed with before; undefined when its layers cannot be had. */
export async function pushKept(
  services: RegistryServices,
  target: Target,
  reference: Reference,
  entry: Entry,
  only?: string,
): Promise<Pushed | undefined> {
  const diffIds = entry.config.rootfs.diff_ids;
  for (const [digest, record] of services.context.catalogue.manifestsOf(entry.id)) {
    if (only !== undefined && digest !== only) continue;
    const body = Buffer.from(record.body);
    const content = parseManifest(body, record.mediaType, reference);
    if (content.kind === 'index' || content.manifest.layers.length !== diffIds.length) continue;
    const { manifest } = content;
    if (manifest.config.digest !== entry.id) continue;
    const placed = await all(target, diffIds, (inner, diffId, index) =>
      services.uploads.place(inner, diffId, manifest.layers[index]!),
    );
    if (!placed.every(Boolean)) continue;
    await putConfig(target, entry, manifest.config);
    return { mediaType: record.mediaType, body };
  }
  return undefined;
}

/** The annotations that an image was made with. */
function annotationsOf({ context }: RegistryServices, entry: Entry): Record<string, string> | undefined {
  for (const [, { body }] of context.catalogue.manifestsOf(entry.id)) {
    const { annotations, config } = JSON.parse(body) as {
      annotations?: Record<string, string>;
      config?: { digest?: string };
    };
    if (annotations && config?.digest === entry.id) return annotations;
  }
  return undefined;
}

const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Pushes under a manifest of our own: of schema 2, or the OCI's where that is asked for or it has annotations. */
export async function pushBuilt(
  services: RegistryServices,
  target: Target,
  entry: Entry,
  oci = false,
): Promise<Pushed> {
  const layers = await all(target, entry.config.rootfs.diff_ids, (inner, diffId) =>
    services.uploads.send(inner, diffId),
  );
  const config = { mediaType: DOCKER_CONFIG, size: Buffer.byteLength(entry.raw), digest: entry.id };
  await putConfig(target, entry, config);
  const annotations = annotationsOf(services, entry);
  if (oci || annotations) {
    const manifest = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { ...config, mediaType: OCI_CONFIG },
      layers: layers.map((layer) => ({ ...layer, mediaType: OCI_LAYER })),
      ...(annotations && { annotations }),
    };
    return { mediaType: OCI_MANIFEST, body: Buffer.from(JSON.stringify(manifest)) };
  }
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
