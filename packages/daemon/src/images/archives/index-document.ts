import type { Layers } from '../../layers/api.ts';
import type { Attestation, ImageDescriptor } from '../api.ts';
import { type AttestationManifest, attestationManifest } from '../attestations.ts';
import type { Entry } from '../catalogue.ts';
import { digestOf } from '../config.ts';
import { familiarName, type Reference } from '../references.ts';
import { type OwnManifest, ownManifest } from './own-manifest.ts';

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** One platform's part of an image of several, or of one that something is said about. */
export interface IndexPart {
  image: Entry;
  manifest: OwnManifest;
  /** The manifest's descriptor, with the platform. */
  descriptor: ImageDescriptor;
  attestation: AttestationManifest | undefined;
}

export interface IndexDocument {
  descriptor: ImageDescriptor;
  body: Buffer;
  parts: IndexPart[];
}

/** An image's platform as a descriptor of an OCI index has it. */
export const platformOfImage = ({ config }: Entry): NonNullable<ImageDescriptor['platform']> => ({
  architecture: config.architecture,
  os: config.os,
  ...(config['os.version'] ? { 'os.version': config['os.version'] } : {}),
  ...(config.variant ? { variant: config.variant } : {}),
});

/** The package URL of an image for a platform (https://github.com/package-url/purl-spec). */
export function packageUrl(reference: Reference, platform: string): string {
  const version = reference.tag === undefined ? '' : `@${encodeURIComponent(reference.tag)}`;
  return `pkg:docker/${familiarName(reference)}${version}?platform=${encodeURIComponent(platform)}`;
}

const isPresent = (part: IndexPart | undefined): part is IndexPart => part !== undefined;

/**
 * The index over images that are here, under the manifests that they have here, with what is said about each. Undefined when
 * a layer is missing.
 */
export function indexOf(
  layers: Pick<Layers, 'get'>,
  images: ReadonlyArray<{
    image: Entry;
    attestations: readonly Attestation[];
    annotations?: Record<string, string>;
  }>,
  names: readonly Reference[],
  annotations?: Record<string, string>,
): IndexDocument | undefined {
  const parts = images.map(({ image, attestations, annotations: own }): IndexPart | undefined => {
    const manifest = ownManifest(layers, image, own);
    if (!manifest) return undefined;
    const platform = platformOfImage(image);
    const text = [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
    const descriptor = { ...manifest.descriptor, platform };
    const urls = names.map((name) => packageUrl(name, text));
    const attestation =
      attestations.length > 0 ? attestationManifest(attestations, descriptor, urls) : undefined;
    return { image, manifest, descriptor, attestation };
  });
  return parts.every(isPresent) ? { ...indexDocument(parts, annotations), parts } : undefined;
}

/** The bytes of an index over these entries. */
export function indexDocument(
  parts: ReadonlyArray<{
    descriptor: ImageDescriptor;
    attestation: Pick<AttestationManifest, 'descriptor'> | undefined;
  }>,
  annotations?: Record<string, string>,
): { descriptor: ImageDescriptor; body: Buffer } {
  const body = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        ...parts.map(({ descriptor }) => descriptor),
        ...parts.flatMap(({ attestation }) => attestation?.descriptor ?? []),
      ],
      ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
    }),
  );
  return { descriptor: { mediaType: OCI_INDEX, digest: digestOf(body), size: body.length }, body };
}
