import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../store/api.ts';
import { makeLayer } from './adding/add.ts';
import type { Layers } from './api.ts';
import { openArchive, readChanges, readDiff } from './archive.ts';
import { readBoot } from './boot.ts';
import { chooseDriver, wantedDriver } from './driver.ts';
import { createHelper } from './helper.ts';
import { openInitLayers } from './init.ts';
import { openLayerStore } from './layers.ts';
import { folderSizes } from './sizes.ts';
import { createTrash } from './trash.ts';
import { openTrees } from './trees.ts';
import { openWritables } from './writable.ts';

export { decompressed } from './adding/compression.ts';
export * from './api.ts';
export { EMPTY_LAYER } from './layers.ts';
export { openLayerReader } from './reader.ts';

export interface LayersOptions {
  /** The room's folder, on the file system that is to hold layers and containers' files. */
  root: string;
  /** The path of berth-native. */
  binary: string;
  store: Store;
  /** `--storage-driver`; empty: chosen. */
  storageDriver?: string;
  /** `--storage-opt`: `berth.layers=erofs|folder|auto`. */
  storageOpts?: string[];
}

/**
 * Opens the layers of this host. What an earlier daemon left half made is removed in the background.
 * @throws invalid-parameter for options nobody knows, system for a driver that does not work here
 */
export async function openLayers(options: LayersOptions): Promise<Layers> {
  const { root, store } = options;
  const wanted = wantedDriver(options.storageDriver ?? '', options.storageOpts ?? []);
  const helper = createHelper(options.binary);
  const sizes = folderSizes(helper);
  const gone = join(root, 'trash');
  await mkdir(gone, { recursive: true, mode: 0o700 });
  const trash = createTrash(gone, helper);
  const kind = await chooseDriver(wanted, root, () => probe(root));
  const boot = await readBoot(root);
  const layers = await openLayerStore(root, kind, helper, trash, boot.wentDown);
  const inits = await openInitLayers(root, layers, helper, trash, store, boot.wentDown);
  const writables = await openWritables(root, layers, inits, sizes, trash, store, boot.wentDown);
  void trash.empty();

  /** Makes a tiny layer and mounts it, in a folder of its own. */
  async function probe(place: string): Promise<void> {
    const folder = join(place, 'probe');
    await rm(folder, { recursive: true, force: true });
    try {
      const places = { made: join(folder, 'made'), layers: join(folder, 'layers') };
      for (const path of Object.values(places)) await mkdir(path, { recursive: true, mode: 0o700 });
      const tar = join(folder, 'tar');
      await writeFile(tar, Buffer.alloc(1024));
      const { diffId, durable } = await makeLayer(
        helper,
        places,
        'erofs',
        { path: tar },
        {},
        () => undefined,
      );
      await durable;
      const made = join(places.layers, diffId.slice('sha256:'.length));
      await helper.run('probe', { image: join(made, 'index.erofs'), device: join(made, 'tar') });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    driver: kind === 'erofs' ? 'overlay-erofs' : 'overlay-folder',
    add: layers.add,
    durable: layers.durable,
    writeThrough: async (folder) => helper.run('sync', { folder }),
    has: layers.has,
    get: layers.get,
    list: layers.list,
    async remove(diffId) {
      await inits.forget(diffId);
      await layers.remove(diffId);
    },
    tar: layers.tar,
    files: (diffIds) => ({
      binary: options.binary,
      tars: Object.fromEntries(
        diffIds.flatMap((diffId) => {
          const path = layers.tarPath(diffId);
          return path === undefined ? [] : [[diffId, path]];
        }),
      ),
    }),
    createWritable: writables.create,
    rootFilesystem: writables.rootFilesystem,
    lower: layers.lower,
    paths: (diffIds) =>
      layers
        .lower(diffIds.filter((diffId) => layers.get(diffId) !== undefined))
        .map((lower) => (lower.kind === 'erofs' ? lower.image : lower.path)),
    removeWritable: (owner) => writables.remove(owner),
    async discard(path) {
      await trash.take(path);
    },
    writables: writables.list,
    writableSize: writables.size,
    folderSize: sizes.of,
    trees: openTrees(helper),
    changes: async (owner) => readChanges(helper, writables, owner),
    diffTar: async (owner) => readDiff(helper, writables, owner),
    archive: (owner, target) => openArchive(helper, writables, owner, target),
    async reconcile({ diffIds, owners }) {
      await writables.reconcile(owners);
      await layers.reconcile(diffIds);
      await boot.seen();
      await inits.reconcile();
    },
  };
}
