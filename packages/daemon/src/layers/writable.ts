import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, openSync, rmSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, invalidParameter, notFound } from '../errors.ts';
import type { Store } from '../store/face.ts';
import type { RootFilesystem } from './face.ts';
import type { Helper } from './helper.ts';
import type { LayerStore } from './layers.ts';
import type { Trash } from './trash.ts';

interface WritableRecord {
  diffIds: string[];
  /** It was mounted for a container: the engine's own mount points may be in it. */
  used?: boolean;
  /** An export of it shows the engine's own places. */
  places?: boolean;
}

/** The containers' writable layers: `<root>/writable/<owner>/{upper,work}`, and a record of what each lies over. */
export interface Writables {
  create(
    owner: string,
    diffIds: string[],
    options?: { quotaBytes?: number; places?: boolean },
  ): Promise<void>;
  /** The layer of the engine's own places, for an owner that has them. */
  places(owner: string): string | undefined;
  rootFilesystem(owner: string, options?: { volatile?: boolean; marked?: boolean }): RootFilesystem;
  lower(diffIds: readonly string[]): RootFilesystem['lower'];
  /** The same, for a look that changes nothing. */
  peek(owner: string): RootFilesystem;
  wasUsed(owner: string): boolean;
  remove(owner: string): Promise<void>;
  list(): Promise<string[]>;
  size(owner: string): Promise<{ rw: number; rootFs: number }>;
  reconcile(known: Set<string>): Promise<void>;
}

export async function openWritables(
  root: string,
  layers: LayerStore,
  helper: Helper,
  trash: Trash,
  store: Store,
): Promise<Writables> {
  const all = join(root, 'writable');
  const made = join(root, 'made');
  const nothing = join(root, 'empty');
  for (const folder of [all, made]) await mkdir(folder, { recursive: true, mode: 0o700 });
  await mkdir(nothing, { recursive: true, mode: 0o755 });
  const places = join(root, 'places');
  await makePlaces(places);
  const records = store.collection<WritableRecord>('writable_layers');

  function record(owner: string): WritableRecord {
    const found = records.get(owner);
    if (found === undefined) throw notFound(`No such container: ${owner}`);
    return found;
  }

  /** The root folder's own attributes are those of the upper layer: it takes over the topmost that a layer gives. */
  async function describeRoot(upper: string, diffIds: string[]): Promise<void> {
    for (const diffId of diffIds.toReversed()) {
      const described = layers.record(diffId).root;
      if (described === undefined) continue;
      if (described.uid !== 0 || described.gid !== 0) await chown(upper, described.uid, described.gid);
      await chmod(upper, described.mode);
      await utimes(upper, described.mtime, described.mtime);
      return;
    }
    await chmod(upper, 0o755);
  }

  function lower(diffIds: readonly string[]): RootFilesystem['lower'] {
    const found = diffIds.toReversed().map((diffId) => layers.lower(diffId));
    // An overlay wants a lower layer.
    return found.length > 0 ? found : [{ kind: 'folder', path: nothing }];
  }

  function peek(owner: string): RootFilesystem {
    const { diffIds } = record(owner);
    const folder = join(all, owner);
    return {
      lower: lower(diffIds),
      upper: join(folder, 'upper'),
      work: join(folder, 'work'),
      volatile: false,
    };
  }

  async function remove(owner: string): Promise<void> {
    await trash.take(join(all, owner));
    records.delete(owner);
  }

  return {
    async create(owner, diffIds, options = {}) {
      if (!/^[\w.-]+$/.test(owner)) throw invalidParameter(`not a name for a writable layer: ${owner}`);
      if (options.quotaBytes !== undefined)
        throw invalidParameter(
          '--storage-opt size is not supported: the storage driver cannot limit a writable layer',
        );
      for (const diffId of diffIds) layers.record(diffId);
      if (records.has(owner)) throw conflict(`a writable layer of ${owner} exists`);
      // At once, so that a flush of now has it: without this record what was acknowledged would look unfinished after a kill.
      records.put(owner, { diffIds, ...(options.places && { places: true }) });
      const folder = join(made, randomBytes(12).toString('hex'));
      try {
        await mkdir(folder, { mode: 0o700 });
        await Promise.all([
          mkdir(join(folder, 'upper'), { mode: 0o755 }).then(() =>
            describeRoot(join(folder, 'upper'), diffIds),
          ),
          mkdir(join(folder, 'work'), { mode: 0o700 }),
        ]);
        await rename(folder, join(all, owner));
      } catch (error) {
        records.delete(owner);
        await trash.take(folder);
        throw error;
      }
    },
    rootFilesystem(owner, options = {}) {
      const found = record(owner);
      const root = peek(owner);
      if (found.used) {
        // A volatile mount leaves a mark, so that what a power cut may have spoiled is not mounted again. None was: such
        // a layer goes at the next start.
        rmSync(join(root.work, 'work/incompat'), { recursive: true, force: true });
      } else {
        records.put(owner, { ...found, used: true });
        if (options.marked) markContainer(root.upper);
      }
      return { ...root, volatile: options.volatile ?? false };
    },
    lower,
    peek,
    places: (owner) => (record(owner).places ? places : undefined),
    wasUsed: (owner) => record(owner).used === true,
    remove,
    async list() {
      return (await readdir(all)).filter((owner) => records.has(owner));
    },
    async size(owner) {
      const { diffIds } = record(owner);
      const { size } = await helper.run<{ size: number }>('size', { folder: join(all, owner, 'upper') });
      let rootFs = size;
      for (const diffId of diffIds) rootFs += layers.record(diffId).size;
      return { rw: size, rootFs };
    },
    async reconcile(known) {
      const folders = new Set(await readdir(all));
      for (const owner of folders) if (!known.has(owner) || !records.has(owner)) await remove(owner);
      for (const [owner] of [...records.entries()]) if (!known.has(owner)) records.delete(owner);
    },
  };
}

/** Makes the layer of the engine's own places, alike for all containers. */
async function makePlaces(root: string): Promise<void> {
  for (const path of ['', 'dev', 'dev/pts', 'dev/shm', 'etc', 'proc', 'sys']) {
    await mkdir(join(root, path), { recursive: true });
    await chmod(join(root, path), 0o755);
  }
  for (const path of ['.dockerenv', 'dev/console', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf']) {
    await writeFile(join(root, path), '');
    await chmod(join(root, path), 0o755);
  }
  await symlink('/proc/mounts', join(root, 'etc/mtab')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** Makes the file by which programs tell that they run in a container. What was copied in under its name stays. */
function markContainer(upper: string): void {
  try {
    // Exclusive: a link that was copied in is not followed.
    const file = openSync(join(upper, '.dockerenv'), 'wx');
    fchmodSync(file, 0o755);
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
