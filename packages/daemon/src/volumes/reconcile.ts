import { chmod, lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../base/log.ts';
import type { Collection } from '../store/api.ts';
import { UNFINISHED } from './copies.ts';
import { type Folders, REMOVED } from './folders.ts';
import type { OptionMounts } from './mounts.ts';
import { isMount, seconds, type VolumeRecord } from './record.ts';

/** The parts of the room that a start brings into agreement. */
export interface Reconciled {
  folders: Folders;
  records: Collection<VolumeRecord>;
  /** Removed volumes whose folder may come back with a power cut: such a folder is no lost volume. */
  gone: Collection<true>;
  mounts: OptionMounts;
}

/**
 * Brings records, folders and mounts into agreement when the daemon starts. `running`: the volumes of containers that an earlier
 * daemon left running.
 */
export async function reconcileVolumes(
  volumes: Reconciled,
  running: Array<{ owner: string; volumes: string[] }>,
): Promise<void> {
  const { folders, records, gone, mounts } = volumes;
  await mkdir(folders.root, { recursive: true, mode: 0o711 });
  await chmod(folders.root, 0o711);
  await mounts.restore(running, (name) => {
    const record = records.get(name);
    return record !== undefined && isMount(record);
  });
  const found = new Set(await readdir(folders.root));
  // Copies and imports that were not finished.
  for (const name of found) {
    if (!name.startsWith(UNFINISHED)) continue;
    await cleared(folders, join(folders.root, name));
    found.delete(name);
  }
  for (const name of await readdir(folders.removed).catch(() => [] as string[]))
    if (!found.has(name)) records.delete(name);
  await cleared(folders, folders.removed);
  // On a full disk there is no room for it, and a removal is what makes some.
  await mkdir(folders.removed, { recursive: true, mode: 0o700 }).catch((error) =>
    log.warn({ err: error }, 'volumes cannot be removed until something else is'),
  );
  found.delete(REMOVED);
  for (const [name] of [...gone.entries()]) {
    if (found.delete(name)) await cleared(folders, join(folders.root, name));
    else gone.delete(name);
  }
  for (const name of found) if (!records.has(name)) await adopt(volumes, name);
  for (const record of records.values())
    await folders
      .ensure(record.name)
      .catch((error) =>
        log.error(
          { volume: record.name, err: error },
          'a volume has no folder: see what stands in its place',
        ),
      );
}

/** Removes what no volume owns. What cannot be removed is no reason not to start; the next start tries again. */
async function cleared(folders: Folders, path: string): Promise<void> {
  await folders
    .clear(path)
    .catch((error) =>
      log.warn({ path, err: error }, 'files of removed or unfinished volumes are still there'),
    );
}

/** Users' data is not thrown away with a database: a folder without a record becomes a volume again. */
async function adopt({ folders, records }: Reconciled, name: string): Promise<void> {
  if (!(await lstat(folders.data(name)).catch(() => undefined))?.isDirectory()) {
    await cleared(folders, join(folders.root, name));
    return;
  }
  const { birthtime } = await lstat(join(folders.root, name));
  records.put(name, { name, created: seconds(birthtime), labels: null, options: null });
  log.warn({ volume: name }, 'the record of a volume was lost; its files are here, and are a volume again');
}
