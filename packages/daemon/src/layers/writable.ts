import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openDirectoryPool } from '@berth/native/folders.ts';
import { conflict, invalidParameter, notFound } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { Store } from '../store/api.ts';
import type { RootFilesystem } from './api.ts';
import type { InitLayers } from './init.ts';
import type { LayerStore } from './layers.ts';
import type { FolderSizes } from './sizes.ts';
import type { Trash } from './trash.ts';

interface WritableRecord {
  diffIds: string[];
  /** The layer with the engine's own mount points, between it and the image. */
  init?: string;
  /** The layer was mounted without an init layer: mount points that the engine made may be in it. */
  used?: boolean;
}

export interface WritableOptions {
  quotaBytes?: number;
  places?: boolean;
  marked?: boolean;
}

/** The containers' writable layers: `<root>/writable/<owner>/{upper,work}`, and a record of what each lies over. */
export interface Writables {
  create(owner: string, diffIds: string[], options?: WritableOptions): Promise<void>;
  rootFilesystem(owner: string, options?: { volatile?: boolean }): RootFilesystem;
  /** The same, for a look that changes nothing. */
  peek(owner: string): RootFilesystem;
  wasUsed(owner: string): boolean;
  remove(owner: string): Promise<void>;
  list(): Promise<string[]>;
  size(owner: string): Promise<{ rw: number; rootFs: number }>;
  reconcile(known: Set<string>): Promise<void>;
}

/** Opens the writable layers below `root`. @throws errors of mkdir(2) */
export async function openWritables(
  root: string,
  layers: LayerStore,
  inits: InitLayers,
  sizes: FolderSizes,
  trash: Trash,
  store: Store,
  /** The machine went down since the last start: what was not synced may be gone. */
  wentDown: boolean,
): Promise<Writables> {
  const all = join(root, 'writable');
  await mkdir(all, { recursive: true, mode: 0o700 });
  const pool = openDirectoryPool(join(root, 'pool'));
  const records = store.collection<WritableRecord>('writable_layers');

  function record(owner: string): WritableRecord {
    const found = records.get(owner);
    if (found === undefined) throw notFound(`No such container: ${owner}`);
    return found;
  }

  /** The root folder's own attributes are those of the upper layer: it takes over the topmost that a layer gives. */
  function describeRoot(upper: string, diffIds: string[]): void {
    for (const diffId of diffIds.toReversed()) {
      const described = layers.record(diffId).root;
      if (described === undefined) continue;
      if (described.uid !== 0 || described.gid !== 0) chownSync(upper, described.uid, described.gid);
      chmodSync(upper, described.mode);
      utimesSync(upper, described.mtime, described.mtime);
      return;
    }
    chmodSync(upper, 0o755);
  }

  function peek(owner: string): RootFilesystem {
    const { diffIds, init } = record(owner);
    const places = init === undefined ? undefined : inits.lower(init);
    const folder = join(all, owner);
    return {
      lower: [...(places ? [places] : []), ...layers.lower(diffIds)],
      upper: join(folder, 'upper'),
      work: join(folder, 'work'),
      volatile: false,
      places: places !== undefined,
    };
  }

  /** Makes what is missing of a writable layer's folder. @throws errors of mkdir(2) */
  function makeFolders(owner: string, diffIds: string[], marked: boolean): void {
    const folder = join(all, owner);
    const [upper, work] = [join(folder, 'upper'), join(folder, 'work')];
    if (!existsSync(folder)) pool.make(folder);
    if (!existsSync(upper)) {
      mkdirSync(upper, { mode: 0o755 });
      describeRoot(upper, diffIds);
      if (marked) markContainer(upper);
    }
    if (!existsSync(work)) mkdirSync(work, { mode: 0o700 });
  }

  /**
   * A record is durable when a create is answered, the folder it stands for is not: a new one has nothing in it that the
   * record does not tell, and is made again. After a power cut any part of it may lack.
   */
  const there = new Set(await readdir(all));
  for (const [owner, { diffIds }] of records.entries()) {
    if (there.has(owner) && !wentDown) continue;
    try {
      makeFolders(owner, diffIds, false);
    } catch (error) {
      log.error({ owner, err: error }, 'the folder of a writable layer is missing and cannot be made again');
    }
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
      const init = options.places ? await inits.make(diffIds) : undefined;
      if (records.has(owner)) throw conflict(`a writable layer of ${owner} exists`);
      records.put(owner, { diffIds, ...(init !== undefined && { init }) });
      // Without its record, which is written at the end of this tick, the next daemon takes the folder away.
      // Calls of microseconds: each as a task of its own would take a tenth of a start.
      try {
        makeFolders(owner, diffIds, options.marked === true);
      } catch (error) {
        records.delete(owner);
        await trash.take(join(all, owner));
        throw error;
      }
    },
    rootFilesystem(owner, options = {}) {
      const { diffIds, init, used } = record(owner);
      const root = peek(owner);
      if (init === undefined && !used) records.put(owner, { diffIds, used: true });
      // A volatile mount leaves a mark, so that what a power cut may have spoiled is not mounted again. None was: such a
      // layer goes at the next start.
      const mark = join(root.work, 'work/incompat');
      if (existsSync(mark)) rmSync(mark, { recursive: true, force: true });
      return { ...root, volatile: options.volatile ?? false };
    },
    peek,
    wasUsed: (owner) => record(owner).used === true,
    remove,
    async list() {
      return [...records.entries()].map(([owner]) => owner);
    },
    async size(owner) {
      const { diffIds } = record(owner);
      const size = await sizes.of(join(all, owner, 'upper'));
      let rootFs = size;
      for (const diffId of diffIds) rootFs += layers.record(diffId).size;
      return { rw: size, rootFs };
    },
    async reconcile(known) {
      const folders = new Set(await readdir(all));
      const damaged = store.damaged('writable_layers');
      for (const owner of folders)
        if (!known.has(owner) || (!records.has(owner) && !damaged.has(owner))) await remove(owner);
      for (const [owner, { diffIds, init }] of [...records.entries()]) {
        if (!known.has(owner)) records.delete(owner);
        else if (init !== undefined && !inits.lower(init) && diffIds.every((diffId) => layers.has(diffId)))
          await inits
            .make(diffIds)
            .catch((error) => log.warn({ owner, err: error }, 'a container has no layer of mount points'));
      }
    },
  };
}

/** Makes the file by which programs tell that they run in a container. */
function markContainer(upper: string): void {
  const file = join(upper, '.dockerenv');
  writeFileSync(file, '', { flag: 'wx' });
  chmodSync(file, 0o755);
}
