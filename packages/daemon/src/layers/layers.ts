import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { notFound, systemError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { type AddOptions, makeLayer } from './adding/add.ts';
import type { Layer, RootFilesystem } from './api.ts';
import type { DriverKind } from './driver.ts';
import type { Helper } from './helper.ts';
import { openTar } from './reader.ts';
import type { Trash } from './trash.ts';

/** The contents of `layer.json`. */
export interface LayerRecord extends Layer {
  driver: DriverKind;
  entries: number;
  /** How the layer describes the root folder, if it does. */
  root?: { mode: number; uid: number; gid: number; mtime: number };
}

/** The finished layers: `<root>/layers/<hex>/{tar,index.erofs|diff,layer.json,durable}`. */
export interface LayerStore {
  add(tar: Readable | { path: string }, options?: AddOptions): Promise<Layer>;
  /** Resolves when these are safe from a power cut. @throws system: the disk does not take them */
  durable(diffIds: readonly string[]): Promise<void>;
  has(diffId: string): boolean;
  get(diffId: string): Layer | undefined;
  list(): Layer[];
  remove(diffId: string): Promise<void>;
  tar(diffId: string): Promise<Readable>;
  /** undefined for one that is not here. */
  tarPath(diffId: string): string | undefined;
  /** @throws not-found */
  record(diffId: string): LayerRecord;
  /** How the kernel gets at these (bottom first), topmost first; without any, an empty folder: an overlay wants one. */
  lower(diffIds: readonly string[]): RootFilesystem['lower'];
  /** Removes layers that are not `known`. */
  reconcile(known: Set<string>): Promise<void>;
}

/** The diffId of a tar without entries (1024 zero bytes). */
export const EMPTY_LAYER = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** Opens the layers below `root`; incomplete ones are thrown away, such as a power cut leaves. */
export async function openLayerStore(
  root: string,
  driver: DriverKind,
  helper: Helper,
  trash: Trash,
  /** The machine went down since the last start: what was not written through is looked at again. */
  wentDown: boolean,
): Promise<LayerStore> {
  const places = { made: join(root, 'made'), layers: join(root, 'layers') };
  for (const folder of Object.values(places)) await mkdir(folder, { recursive: true, mode: 0o700 });
  const nothing = join(root, 'empty');
  await mkdir(nothing, { recursive: true, mode: 0o755 });
  const records = new Map<string, LayerRecord>();
  const removals = new Map<string, Promise<unknown>>();
  /** The layers that were written through, or are being. */
  const synced = new Map<string, Promise<void>>();
  const folderOf = (diffId: string) => join(places.layers, diffId.slice('sha256:'.length));
  const discard = (folder: string) =>
    void trash
      .take(folder, { soon: true })
      .catch((error: unknown) => log.warn({ err: error, folder }, 'removing'));
  /** The layers that adds are taking to be theirs, with how many do. */
  const arriving = new Map<string, number>();

  for (const name of await readdir(places.made)) discard(join(places.made, name));
  for (const name of await readdir(places.layers)) {
    const record = await readRecord(join(places.layers, name), name).catch(() => null);
    if (record === null) {
      log.warn({ layer: name }, 'a layer is incomplete and is removed');
      discard(join(places.layers, name));
    } else records.set(record.diffId, record);
  }

  // Before anybody uses them.
  for (const layer of wentDown ? [...records.values()] : []) {
    if (await intact(folderOf(layer.diffId), layer, helper)) continue;
    log.warn(
      { layer: layer.diffId },
      'a layer was damaged by a power cut and is removed; pull its image again',
    );
    records.delete(layer.diffId);
    discard(folderOf(layer.diffId));
  }

  function record(diffId: string): LayerRecord {
    const found = records.get(diffId);
    if (found === undefined) throw notFound(`layer does not exist: ${diffId}`);
    return found;
  }

  const tarOf = (diffId: string) => join(folderOf(diffId), 'tar');

  function lower(diffId: string): RootFilesystem['lower'][number] {
    const { driver: kind } = record(diffId);
    const folder = folderOf(diffId);
    return kind === 'folder'
      ? { kind: 'folder', path: join(folder, 'diff') }
      : { kind: 'erofs', image: join(folder, 'index.erofs'), devices: [tarOf(diffId)] };
  }

  /** One that failed is tried again by whoever asks next. */
  async function writtenThrough(diffId: string): Promise<void> {
    let under = synced.get(diffId);
    if (!under) {
      const { driver: kind } = record(diffId);
      const folder = folderOf(diffId);
      under = existsSync(join(folder, 'durable'))
        ? Promise.resolve()
        : helper.run<void>('durable', { folder, driver: kind, layers: places.layers });
      synced.set(diffId, under);
    }
    try {
      await under;
    } catch (error) {
      if (synced.get(diffId) === under) synced.delete(diffId);
      throw error;
    }
  }

  /** Another layer of the same digest may stand in the way, or have done so on its way out. */
  async function takePlace({
    folder,
    diffId,
    durable,
  }: Awaited<ReturnType<typeof makeLayer>>): Promise<void> {
    await removals.get(diffId);
    if (!records.has(diffId)) {
      if (!existsSync(folder)) return; // the helper did it
      try {
        await rename(folder, folderOf(diffId));
        return;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST') {
          void durable.catch(() => undefined).then(() => discard(folder));
          throw error;
        }
      }
    }
    void durable.catch(() => undefined).then(() => discard(folder));
  }

  /** Discards the folder of a failed add, unless another add of the same bytes has come to rely on it. */
  function abandon(path: string): void {
    const diffId = `sha256:${basename(path)}`;
    if (!records.has(diffId) && !arriving.has(diffId)) discard(path);
  }

  async function arrive(added: Awaited<ReturnType<typeof makeLayer>>): Promise<LayerRecord> {
    const { diffId, durable } = added;
    arriving.set(diffId, (arriving.get(diffId) ?? 0) + 1);
    try {
      await takePlace(added);
      let layer = records.get(diffId);
      if (layer === undefined) {
        const name = diffId.slice('sha256:'.length);
        layer = await readRecord(folderOf(diffId), name).catch((error: unknown) => {
          if (arriving.get(diffId) === 1) discard(folderOf(diffId));
          throw systemError(`layer ${diffId} is gone`, error);
        });
        records.set(diffId, layer);
        synced.set(diffId, durable);
      }
      return layer;
    } finally {
      const others = arriving.get(diffId)! - 1;
      if (others > 0) arriving.set(diffId, others);
      else arriving.delete(diffId);
    }
  }

  async function remove(diffId: string): Promise<void> {
    if (!records.delete(diffId)) return;
    synced.delete(diffId);
    const renamed = trash.take(folderOf(diffId), { soon: true });
    removals.set(diffId, renamed);
    try {
      const gone = await renamed;
      if (gone) await gone.removed;
    } finally {
      if (removals.get(diffId) === renamed) removals.delete(diffId);
    }
  }

  return {
    record,
    async add(tar, options = {}) {
      return face(await arrive(await makeLayer(helper, places, driver, tar, options, abandon)));
    },
    durable: async (diffIds) => {
      await Promise.all(diffIds.map(writtenThrough));
    },
    has: (diffId) => records.has(diffId),
    get(diffId) {
      const found = records.get(diffId);
      return found && face(found);
    },
    list: () => [...records.values()].map(face),
    remove,
    async tar(diffId) {
      record(diffId);
      return openTar(tarOf(diffId));
    },
    tarPath: (diffId) => (records.has(diffId) ? tarOf(diffId) : undefined),
    lower(diffIds) {
      // A layer without entries adds nothing, and an overlay takes no folder twice.
      const stack = diffIds.filter((diffId) => diffId !== EMPTY_LAYER);
      return stack.length > 0 ? stack.toReversed().map(lower) : [{ kind: 'folder', path: nothing }];
    },
    async reconcile(known) {
      const unknown = [...records.keys()].filter((diffId) => !known.has(diffId));
      await Promise.all(unknown.map((diffId) => remove(diffId)));
    },
  };
}

function face({ diffId, size, tarSize }: LayerRecord): Layer {
  return { diffId, size, tarSize };
}

async function readRecord(folder: string, name: string): Promise<LayerRecord> {
  const record = JSON.parse(await readFile(join(folder, 'layer.json'), 'utf8')) as LayerRecord;
  if (record.diffId !== `sha256:${name}`) throw new Error('another layer');
  return record;
}

/**
 * Whether a layer is whole. Those with the mark `durable` were synced; the others were made just before the daemon
 * ended and are read again.
 */
async function intact(folder: string, layer: LayerRecord, helper: Helper): Promise<boolean> {
  try {
    await (await open(join(folder, 'durable'), 'r')).close();
    return true;
  } catch {
    return helper.run('verify', { folder, digest: layer.diffId.slice(7), driver: layer.driver }).then(
      () => true,
      () => false,
    );
  }
}
