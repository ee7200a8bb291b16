import type { Layers } from '../../layers/api.ts';
import type { Entry } from '../catalogue.ts';
import { digestOf } from '../config.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

/** How content is referred to: an OCI descriptor (image-spec, descriptor.md). */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** A manifest for an image that is here, over its layers as they lie here: not compressed. */
export interface OwnManifest {
  descriptor: Descriptor;
  body: Buffer;
  layers: Descriptor[];
}

const manifests = new WeakMap<Entry, OwnManifest>();

/**
 * The manifest that an archive of the image has (`docker save`), and by which an image that was made here is known until
 * a registry gives it another. Undefined when a layer is missing.
 */
export function ownManifest(
  layers: Pick<Layers, 'get'>,
  image: Entry,
  annotations?: Record<string, string>,
): OwnManifest | undefined {
  const made = annotations ? undefined : manifests.get(image);
  if (made) return made;
  const described: Descriptor[] = [];
  for (const diffId of image.config.rootfs.diff_ids) {
    const layer = layers.get(diffId);
    if (!layer) return undefined;
    described.push({ mediaType: LAYER, digest: diffId, size: layer.tarSize });
  }
  const body = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: CONFIG, digest: image.id, size: Buffer.byteLength(image.raw) },
      layers: described,
      ...(annotations && { annotations }),
    }),
  );
  const manifest = {
    descriptor: { mediaType: MANIFEST, digest: digestOf(body), size: body.length },
    body,
    layers: described,
  };
  if (!annotations) manifests.set(image, manifest);
  return manifest;
}
