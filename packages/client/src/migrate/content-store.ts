import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A descriptor of the OCI image specification. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os?: string; architecture?: string };
  annotations?: Record<string, string>;
}

/** A manifest or an index of the OCI image specification, or Docker's of the same form. */
export interface Manifest {
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
}

/** A blob's folder and file: both come from a database of another program, and are joined to a path. */
const DIGEST = /^(sha256|sha384|sha512):([0-9a-f]{64,128})$/;
/** Bytes of the largest document that is read into memory, as registries limit a manifest. */
const MAX_DOCUMENT = 4 * 1024 * 1024;
/** Indexes that name indexes: blobs are not checked here, so that one could name itself. */
const DEEPEST = 8;
const KEY_ANNOTATION = 'vnd.docker.reference.type';

/** The blobs that a containerd keeps under its root, read only. */
export class ContentStore {
  private readonly folder: string;

  constructor(root: string) {
    this.folder = join(root, 'io.containerd.content.v1.content/blobs');
  }

  private path(digest: string): string {
    const [, algorithm, hex] = DIGEST.exec(digest) ?? [];
    if (!algorithm || !hex) throw new Error(`${JSON.stringify(digest)} is no digest`);
    return join(this.folder, algorithm, hex);
  }

  has(digest: string): boolean {
    return existsSync(this.path(digest));
  }

  /** Bytes. */
  size(digest: string): number {
    return statSync(this.path(digest)).size;
  }

  read(digest: string): AsyncIterable<Buffer> {
    return createReadStream(this.path(digest));
  }

  /** @throws when it is missing, or too large to be a document */
  document(digest: string): Buffer {
    if (!this.has(digest)) throw new Error(`its blob ${digest} is missing`);
    if (this.size(digest) > MAX_DOCUMENT) throw new Error(`${digest} is too large for a manifest`);
    return readFileSync(this.path(digest));
  }

  private manifest(digest: string): Manifest {
    return JSON.parse(this.document(digest).toString()) as Manifest;
  }

  /**
   * The manifest that a machine of this platform would run: of an index the first that is here and fits, or else the first
   * that is here. @throws when there is none
   */
  runnable(target: string, depth = 0): { digest: string; manifest: Manifest } {
    const manifest = this.manifest(target);
    if (manifest.config) return { digest: target, manifest };
    const here = (manifest.manifests ?? []).filter(
      ({ digest, annotations }) => this.has(digest) && !annotations?.[KEY_ANNOTATION],
    );
    const fits = ({ platform }: Descriptor) => platform?.os === 'linux' && platform.architecture === ARCH;
    const chosen = here.find(fits) ?? here[0];
    if (!chosen) throw new Error('none of its manifests is here');
    if (depth > DEEPEST) throw new Error('its indexes lie too deep');
    return this.runnable(chosen.digest, depth + 1);
  }

  /** The digests of an image's blobs that are here, those that name others behind them; each once. */
  closure(target: string, found = new Set<string>(), depth = 0): Set<string> {
    if (depth > DEEPEST || found.has(target) || !this.has(target)) return found;
    const manifest = this.manifest(target);
    for (const { digest } of manifest.manifests ?? []) this.closure(digest, found, depth + 1);
    // A pull brings the layers of the platforms that were asked for; a manifest without them is of no use.
    const parts = [...(manifest.layers ?? []), ...(manifest.config ? [manifest.config] : [])];
    if (!parts.every(({ digest }) => this.has(digest))) return found;
    for (const { digest } of parts) found.add(digest);
    return found.add(target);
  }
}

const ARCHES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386' };
/** This machine's architecture, as images name it. */
const ARCH = ARCHES[process.arch] ?? process.arch;
