import type { ImagesContext } from '../context.ts';
import type { BlobSources } from './blob-sources.ts';
import type { Downloads } from './download/downloads.ts';
import type { RegistryClient } from './session.ts';
import type { Uploads } from './uploads.ts';

/** The parts that pulls and pushes share for as long as the daemon lives. */
export interface RegistryServices {
  context: ImagesContext;
  client: RegistryClient;
  blobSources: BlobSources;
  downloads: Downloads;
  uploads: Uploads;
}
