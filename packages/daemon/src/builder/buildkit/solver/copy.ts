import { posix } from 'node:path';
import type { Archive, Layer } from '../../../layers/api.ts';
import { copyTar, type Source } from '../../copy.ts';
import type { Steps } from '../../steps.ts';
import { hash } from '../hash.ts';
import type { StepOptions } from './cached-steps.ts';

/** A COPY or ADD whose sources are found. */
export interface CopyOptions extends StepOptions {
  sources: Source[];
  target: string;
  /** The digest of the sources' names, attributes and bytes. */
  digest: string;
  mode?: number;
  owner: ((archive: Archive) => Promise<{ uid: number; gid: number }>) | undefined;
  /** The owner as written. */
  ownerKey: string;
  keepOwners: boolean;
  /** The time of directories that are made on the way; the present one without it. */
  time: Date | undefined;
}

/** The key by which caches know a COPY or ADD, besides that of what it stands on. */
export function copyKey(options: CopyOptions): string {
  const names = options.sources.map(({ name, unpacked, skip }) => [
    posix.basename(name),
    unpacked ?? false,
    skip !== undefined,
  ]);
  return hash([
    'COPY',
    options.digest,
    names,
    options.target,
    options.mode ?? null,
    options.ownerKey,
    options.keepOwners,
  ]);
}

/** Makes the layer of a COPY or ADD; null when nothing changed. */
export function copyLayer(steps: Steps, diffIds: string[], options: CopyOptions): Promise<Layer | null> {
  return steps.changed(diffIds, async (archive) => {
    const owner = options.owner ? await options.owner(archive) : {};
    const tar = await copyTar(
      options.sources,
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
