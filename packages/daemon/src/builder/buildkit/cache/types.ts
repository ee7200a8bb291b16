import type { Readable } from 'node:stream';
import type { ImageDescriptor } from '../../../images/api.ts';

/** One `--cache-from`. */
export interface CacheImport {
  type: string;
  attributes: Record<string, string>;
}

/** One `--cache-to` that is no part of the image. */
export interface CacheTarget {
  type: 'registry' | 'local' | 'gha';
  attributes: Record<string, string>;
}

/** The places that a build's steps are written to for other builds (`--cache-to`). */
export interface CacheExports {
  /** In the image's own configuration. */
  inline: boolean;
  targets: CacheTarget[];
}

/** A place for cached steps that is no registry: blobs by their digests, and a description of them. */
export interface CacheStore {
  /** The description that was written last; undefined where there is none. */
  describe(): Promise<CacheDescription | undefined>;
  read(layer: ImageDescriptor): Promise<Readable>;
  has(digest: string): Promise<boolean>;
  write(layer: ImageDescriptor, body: Readable): Promise<void>;
  /** Replaces the description. Returns what the client is told. */
  publish(config: Buffer, layers: readonly ImageDescriptor[]): Promise<Record<string, string>>;
}

export interface CacheDescription {
  config: string;
  layers: ImageDescriptor[];
  mediaType: string;
}
