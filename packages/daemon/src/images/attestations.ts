import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemError } from '../base/errors.ts';
import type { Attestation, ImageDescriptor } from './api.ts';
import type { Catalogue, ManifestRecord } from './catalogue.ts';
import { digestOf } from './config.ts';

/*
 * Attestations: in-toto statements about images (provenance, SBOM), each a blob of a manifest beside that of the image it
 * is about, as BuildKit attaches them (https://docs.docker.com/build/metadata/attestations/).
 */

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const STATEMENT = 'application/vnd.in-toto+json';
const TYPE = 'vnd.docker.reference.type';
const ABOUT = 'vnd.docker.reference.digest';

/** A blob with its digest. */
export interface Blob {
  digest: string;
  body: Buffer;
}

/** A manifest of statements, with all that it names. */
export interface AttestationManifest {
  descriptor: ImageDescriptor;
  body: Buffer;
  blobs: Blob[];
}

const blobOf = (body: Buffer): Blob => ({ digest: digestOf(body), body });

/** Whether a descriptor in an index is of statements about another entry of it. */
export const isAttestation = ({ annotations }: Pick<ImageDescriptor, 'annotations'>): boolean =>
  annotations?.[TYPE] === 'attestation-manifest';

/** The digest of the manifest that an entry's statements are about. */
export const subjectOf = ({ annotations }: Pick<ImageDescriptor, 'annotations'>): string =>
  annotations?.[ABOUT] ?? '';

/** The entry of an index for statements about another manifest. */
export const describedAs = (descriptor: ImageDescriptor, about: string): ImageDescriptor => ({
  ...descriptor,
  annotations: { ...descriptor.annotations, [ABOUT]: about, [TYPE]: 'attestation-manifest' },
  platform: { architecture: 'unknown', os: 'unknown' },
});

/** The manifest of what is said about an image's manifest. `names`: what the image is called, as package URLs. */
export function attestationManifest(
  attestations: readonly Attestation[],
  about: ImageDescriptor,
  names: readonly string[],
): AttestationManifest {
  const digest = { sha256: about.digest.slice('sha256:'.length) };
  const subject = (names.length > 0 ? names : ['_']).map((name) => ({ name, digest }));
  const statements = attestations.map(({ predicateType, predicate }) => {
    const head = JSON.stringify({ _type: 'https://in-toto.io/Statement/v0.1', predicateType, subject });
    return { predicateType, ...blobOf(Buffer.from(`${head.slice(0, -1)},"predicate":${predicate}}`)) };
  });
  const config = blobOf(
    Buffer.from(
      JSON.stringify({
        architecture: 'unknown',
        os: 'unknown',
        config: {},
        rootfs: { type: 'layers', diff_ids: statements.map((statement) => statement.digest) },
      }),
    ),
  );
  const body = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.body.length },
      layers: statements.map((statement) => ({
        mediaType: STATEMENT,
        digest: statement.digest,
        size: statement.body.length,
        annotations: { 'in-toto.io/predicate-type': statement.predicateType },
      })),
    }),
  );
  return {
    descriptor: describedAs(
      { mediaType: OCI_MANIFEST, digest: digestOf(body), size: body.length },
      about.digest,
    ),
    body,
    blobs: [config, ...statements],
  };
}

interface Named {
  digest?: unknown;
  size?: unknown;
}

/** The digests and sizes of what a manifest of statements names. */
export function blobsNamedBy(manifest: string): Array<{ digest: string; size: number }> {
  const { config, layers } = JSON.parse(manifest) as { config?: Named; layers?: Named[] };
  return [config, ...(Array.isArray(layers) ? layers : [])].flatMap((each) =>
    typeof each?.digest === 'string' && typeof each.size === 'number'
      ? [{ digest: each.digest, size: each.size }]
      : [],
  );
}

/** The statements that are kept, each a file by its digest. */
export class AttestationBlobs {
  private readonly folder: string;
  /** Written, and not yet named by a record. */
  private readonly fresh = new Map<string, number>();

  constructor(root: string) {
    this.folder = join(root, 'attestations');
  }

  private path(digest: string): string {
    return join(this.folder, digest.replace(/^sha256:/, ''));
  }

  /** Keeps blobs on disk; call the returned function once a record names them. */
  async keep(blobs: readonly Blob[]): Promise<() => void> {
    if (blobs.length === 0) return () => undefined;
    for (const { digest } of blobs) this.fresh.set(digest, (this.fresh.get(digest) ?? 0) + 1);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    for (const { digest, body } of blobs) {
      const unfinished = `${this.path(digest)}.new-${createHash('sha256').update(`${process.hrtime.bigint()}`).digest('hex').slice(0, 8)}`;
      const file = await open(unfinished, 'wx', 0o600);
      try {
        await file.writeFile(body);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, this.path(digest));
    }
    return () => {
      for (const { digest } of blobs) {
        const count = this.fresh.get(digest)! - 1;
        if (count > 0) this.fresh.set(digest, count);
        else this.fresh.delete(digest);
      }
    };
  }

  /** @throws system for one that is not here, or is not what it was. */
  async read(digest: string): Promise<Blob> {
    const body = await readFile(this.path(digest)).catch((error: Error) => {
      throw systemError(`the attestation ${digest} cannot be read: ${error.message}`, error);
    });
    if (digestOf(body) !== digest) throw systemError(`the attestation ${digest} is damaged on disk`);
    return { digest, body };
  }

  /** Removes what no record names any more. */
  async sweep(catalogue: Catalogue): Promise<void> {
    const files = await readdir(this.folder).catch(() => []);
    if (files.length === 0) return;
    const named = new Set(
      catalogue.attestations().flatMap(({ body }) => blobsNamedBy(body).map(({ digest }) => digest)),
    );
    for (const file of files) {
      const digest = `sha256:${file.split('.')[0]}`;
      if (!this.fresh.has(digest) && (file.includes('.') || !named.has(digest)))
        await rm(join(this.folder, file), { force: true });
    }
  }

  /** A kept manifest of statements with all that it names. */
  async load(digest: string, { mediaType, body }: ManifestRecord): Promise<AttestationManifest> {
    const blobs: Blob[] = [];
    for (const named of blobsNamedBy(body)) blobs.push(await this.read(named.digest));
    return {
      descriptor: { mediaType, digest, size: Buffer.byteLength(body) },
      body: Buffer.from(body),
      blobs,
    };
  }
}

/** The statements of a kept manifest: the image may get another manifest, and the statements with it. */
export function attestationsIn({ blobs }: AttestationManifest): Attestation[] {
  return blobs.flatMap(({ body }) => {
    const statement = JSON.parse(body.toString()) as { predicateType?: unknown; predicate?: unknown };
    return typeof statement.predicateType === 'string'
      ? [{ predicateType: statement.predicateType, predicate: JSON.stringify(statement.predicate) }]
      : [];
  });
}
