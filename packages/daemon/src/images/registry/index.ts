import { join } from 'node:path';
import { invalidParameter } from '../../base/errors.ts';
import type { DistributedImage, Images, RegistryAuth } from '../api.ts';
import type { ImagesContext } from '../context.ts';
import { parseReference, withDefaultTag } from '../references.ts';
import { BlobSources } from './blob-sources.ts';
import { readCache, writeCache } from './cache.ts';
import { describe, login } from './distribution.ts';
import { Downloads } from './download/downloads.ts';
import { Hosts } from './hosts.ts';
import { LIMITS } from './limits.ts';
import type { RegistryOptions } from './options.ts';
import { type PullOptions, pullImages } from './pull.ts';
import { pushImages } from './push/images.ts';
import { search } from './search.ts';
import type { RegistryServices } from './services.ts';
import type { RegistryClient } from './session.ts';
import { Transport } from './transport.ts';
import { Uploads } from './uploads.ts';

/** The client of registries: pulls, pushes, searches, credentials, and the caches of builds. */
export interface Registry {
  pull(options: PullOptions): Promise<void>;
  push: Images['push'];
  /** The answer of `GET /distribution/{name}/json`. */
  distribution(name: string, auth?: RegistryAuth, signal?: AbortSignal): Promise<DistributedImage>;
  search: Images['search'];
  login: Images['login'];
  readCache: Images['readCache'];
  writeCache: Images['writeCache'];
}

/**
 * Opens the registry client; interrupted downloads are found again in `<root>/partial`.
 *
 * A layer's compressed blob goes once the layer is made: kept, it would add two fifths to the disk that an image takes
 * (72 MB to 176 MB measured). A push does without it: the registry has it, mounts it from a neighbour repository, gets it
 * from where it was pulled, or, made here, it is compressed again to the same bytes. Only when none of that is possible
 * does what was pulled get a new digest.
 */
export function openRegistry(context: ImagesContext, options: RegistryOptions = {}): Registry {
  const { settings, layers, store, root } = context;
  const limits = { ...LIMITS, ...options.limits };
  const hosts = new Hosts(settings, options.certificateFolders);
  const transport = new Transport(settings, limits, (host) => hosts.trust(host));
  const client: RegistryClient = { transport, hosts, limits };
  const blobSources = new BlobSources(store);
  const attempts = Math.max(1, settings.maxDownloadAttempts);
  const services: RegistryServices = {
    context,
    client,
    blobSources,
    downloads: new Downloads({
      folder: join(root, 'partial'),
      layers,
      lease: (diffIds) => context.retention.lease(diffIds),
      limits,
      concurrent: settings.maxConcurrentDownloads,
      attempts,
    }),
    uploads: new Uploads({
      client,
      layers,
      blobSources,
      concurrent: settings.maxConcurrentUploads,
      attempts,
    }),
  };
  return {
    pull: (wanted) => pullImages(services, wanted),
    push: (wanted) => pushImages(services, wanted),
    distribution(name, auth, signal = new AbortController().signal) {
      if (/^(sha256:)?[a-f0-9]{64}$/.test(name)) throw invalidParameter('invalid reference format');
      return describe(client, withDefaultTag(parseReference(name)), auth, signal);
    },
    search: (term, wanted) => search(client, term, wanted),
    login: (auth) => login(client, auth),
    readCache: (wanted) => readCache(services, wanted),
    writeCache: (wanted) => writeCache(services, wanted),
  };
}
