import type { Settings } from '../config/settings.ts';
import type { Events } from '../events/api.ts';
import type { Layers } from '../layers/api.ts';
import type { Store } from '../store/api.ts';
import type { AttestationBlobs } from './attestations.ts';
import type { Catalogue } from './catalogue.ts';
import type { Reference } from './references.ts';
import type { RegistryOptions } from './registry/options.ts';
import type { Retention } from './retention.ts';

/** The dependencies that the room is opened with. */
export interface ImagesOptions {
  store: Store;
  layers: Layers;
  events: Events;
  settings: Settings;
  /** The room's folder. */
  root: string;
  /** Times and folders for dealing with registries, where they differ from the usual (tests). */
  registry?: RegistryOptions;
}

/** The dependencies that the parts of this room share. */
export interface ImagesContext {
  /** The room's folder. */
  root: string;
  store: Store;
  layers: Layers;
  events: Events;
  settings: Settings;
  catalogue: Catalogue;
  retention: Retention;
  blobs: AttestationBlobs;
  users: (imageId: string) => Array<{ id: string; running: boolean }>;
  /** The images that builds stand on, with how many do. */
  builds: Map<string, number>;
  /**
   * Puts an image and its names into the catalogue, in one transaction; its layers must be here and held.
   * @throws unavailable when one of them is not.
   */
  register(id: string, raw: string, options: { names: Reference[]; parent?: string }): void;
  /**
   * Makes changes of the catalogue, in one transaction, and has them on disk.
   * @throws system where they cannot be recorded, and then they are taken back; what they throw
   */
  recorded(changes: () => void): Promise<void>;
}
