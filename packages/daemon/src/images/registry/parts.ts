import type { ImagesContext } from '../context.ts';
import type { KnownBlobs } from './blob-sources.ts';
import type { Downloads } from './downloads.ts';
import type { Reach } from './session.ts';
import type { Uploads } from './uploads.ts';

/** The parts that pulls and pushes share for as long as the daemon lives. */
export interface RegistryParts {
  context: ImagesContext;
  reach: Reach;
  known: KnownBlobs;
  downloads: Downloads;
  uploads: Uploads;
}
