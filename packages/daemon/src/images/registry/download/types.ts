import type { Layers } from '../../../layers/api.ts';
import type { OnProgress } from '../../types.ts';
import type { Limits, Pool } from '../limits.ts';
import type { Answer } from '../transport.ts';

/** A layer that a client waits for. */
export interface WantedLayer {
  /** The digest of the blob as the registry has it, compressed. */
  digest: string;
  size: number;
  diffId: string;
  /** Opens the blob from a byte on. */
  open(offset: number, signal: AbortSignal): Promise<Answer>;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** The dependencies of downloads, and how many may run at once and be attempted. */
export interface DownloadServices {
  /** The folder in which blobs lie until they are layers. */
  folder: string;
  layers: Layers;
  /** Keeps layers from garbage collection until the returned function is called. */
  lease(diffIds: Iterable<string>): () => Promise<void>;
  limits: Limits;
  concurrent: number;
  attempts: number;
}

/** The pools that all transfers take their turns in, one for the network and one for unpacking. */
export interface TransferPools {
  readonly services: DownloadServices;
  readonly fetching: Pool;
  readonly adding: Pool;
}
