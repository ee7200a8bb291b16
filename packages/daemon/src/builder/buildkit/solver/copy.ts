import { posix } from 'node:path';
import type { Archive, Layer } from '../../../layers/api.ts';
import { copyTar, type Source, sourcesDigest } from '../../copy.ts';
import { type Steps, sha256 } from '../../steps.ts';
import { hash } from '../hash.ts';
import type { StepOptions } from './cached-steps.ts';

/** The sources of a COPY or ADD. */
export interface CopySources {
  /** The digest of their names, attributes and bytes. */
  digest: string;
  /** Names and patterns of the sources, which the cache's key has besides the digest. */
  names: readonly unknown[];
  find: () => Promise<Source[]>;
}

/** A COPY or ADD. */
export interface CopyOptions extends StepOptions {
  sources: CopySources;
  target: string;
  mode?: number;
  owner: ((archive: Archive) => Promise<{ uid: number; gid: number }>) | undefined;
  /** The owner as written. */
  ownerKey: string;
  keepOwners: boolean;
  /** The time of directories that are made on the way; the present one without it. */
  time: Date | undefined;
}

/** Sources that are found. */
export async function foundSources(sources: Source[]): Promise<CopySources> {
  const names = sources.map(({ name, unpacked, skip }) => [
    posix.basename(name),
    unpacked ?? false,
    skip !== undefined,
  ]);
  return { digest: await sourcesDigest(sources, sha256), names, find: async () => sources };
}

/** The key by which caches know a COPY or ADD, besides that of what it stands on. */
export function copyKey({ sources, ...options }: CopyOptions): string {
  return hash([
    'COPY',
    sources.digest,
    sources.names,
    options.target,
    options.mode ?? null,
    options.ownerKey,
    options.keepOwners,
  ]);
}

/** Makes the layer of a COPY or ADD; null when nothing changed. */
export function copyLayer(steps: Steps, diffIds: string[], options: CopyOptions): Promise<Layer | null> {
  return steps.changed(diffIds, async (archive) => {
    const sources = await options.sources.find();
    const owner = options.owner ? await options.owner(archive) : {};
    const tar = await copyTar(
      sources,
      options.target,
      archive,
      {
        ...owner,
        ...(options.mode === undefined ? {} : { mode: options.mode }),
        ...(options.time ? { time: options.time } : {}),
      },
      options.keepOwners,
    );
    await archive.put('/', tar, { noOverwriteDirNonDir: false, signal: options.signal });
  });
}
