import type { Collection, Store } from '../../store/api.ts';

/** A compressed form in which a layer is known to lie in registries. */
export interface RegistryBlob {
  digest: string;
  size: number;
  mediaType: string;
  /** `domain/path` of repositories that have it, the last one seen first. */
  sources: string[];
  /** The compressor of ours that makes exactly these bytes of the layer. */
  made?: string;
}

const MAX_SOURCES = 50;
const MAX_BLOBS = 8;

/**
 * Remembers in which registries each layer lies under which digest, so that a push need not send (or even compress) what
 * is there, and so that what was pulled is pushed with its digest unchanged though its compressed bytes are not kept.
 */
export class BlobSources {
  private readonly records: Collection<RegistryBlob[]>;

  constructor(store: Store) {
    this.records = store.collection('image_blobs');
  }

  of(diffId: string): RegistryBlob[] {
    return this.records.get(diffId) ?? [];
  }

  /** Notes that a repository has the layer in this form. */
  add(diffId: string, blob: Omit<RegistryBlob, 'sources'>, source: string): void {
    const known = this.of(diffId);
    const before = known.find(({ digest }) => digest === blob.digest);
    if (before?.sources[0] === source) return;
    const made = blob.made ?? before?.made;
    const entry: RegistryBlob = {
      digest: blob.digest,
      size: blob.size,
      mediaType: before?.mediaType ?? blob.mediaType,
      sources: [source, ...(before?.sources ?? []).filter((other) => other !== source)].slice(0, MAX_SOURCES),
      ...(made === undefined ? {} : { made }),
    };
    this.records.put(diffId, [entry, ...known.filter((other) => other !== before)].slice(0, MAX_BLOBS));
  }

  /** Forgets that a repository has a blob: it said that it has not. */
  lost(diffId: string, digest: string, source: string): void {
    const known = this.of(diffId);
    if (!known.some((blob) => blob.digest === digest && blob.sources.includes(source))) return;
    this.records.put(
      diffId,
      known.map((blob) =>
        blob.digest === digest
          ? { ...blob, sources: blob.sources.filter((other) => other !== source) }
          : blob,
      ),
    );
  }

  /** Forgets layers that are no longer here. */
  sweep(isHere: (diffId: string) => boolean): void {
    for (const [diffId] of [...this.records.entries()]) if (!isHere(diffId)) this.records.delete(diffId);
  }
}
