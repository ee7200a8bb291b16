import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, realpath, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, conflict, invalidParameter, notFound, systemError } from '../base/errors.ts';
import { syncDirectory } from '../base/files/sync.ts';
import type { Trees } from '../layers/api.ts';
import type { CloneOptions, Volume, Volumes } from './api.ts';
import { checkVolume } from './checks.ts';
import type { Folders } from './folders.ts';
import { isMount } from './record.ts';

/** The label of a snapshot: the volume that it is a state of. */
const SNAPSHOT_OF = 'dev.berth.volume.snapshot-of';
/** A folder in which a volume is made; no volume has such a name, and the next start removes it. */
export const UNFINISHED = '.unfinished-';

/** The operations on volumes that copies, exports and imports are made of. */
export interface Table {
  folders: Folders;
  trees: Trees;
  owner: { uid: number; gid: number };
  find(name: string): { options: Record<string, string> | null } | undefined;
  users(name: string): string[];
  /** Records a volume whose folder is there, and tells of it. */
  add(name: string, labels: Record<string, string>): Promise<Volume>;
  get(name: string): Volume;
  queued<T>(name: string, action: () => Promise<T>): Promise<T>;
  mount(name: string, owner: string): Promise<void>;
  unmount(name: string, owner: string): Promise<void>;
}

/** The files of a volume as a tar. */
export async function exportVolume(table: Table, name: string): Promise<Readable> {
  const [folder, done] = await opened(table, name);
  try {
    const tar = await table.trees.export(folder);
    tar.once('close', done);
    return tar;
  } catch (error) {
    await done();
    throw error;
  }
}

/** A volume of a tar. */
export async function importVolume(
  table: Table,
  name: string,
  tar: Readable,
  signal?: AbortSignal,
): Promise<Volume> {
  checkVolume(name, 'local', {});
  await checkFree(table, name);
  return staged(table, async (folder) => {
    try {
      await table.trees.import(join(folder, '_data'), tar, signal);
    } catch (error) {
      if (error instanceof BerthError || signal?.aborted) throw error;
      throw invalidParameter(`import ${name}: ${(error as Error).message}`, error);
    }
    return table.queued(name, async () => {
      signal?.throwIfAborted();
      await checkFree(table, name);
      if (!table.find(name)) return enter(table, name, folder, {});
      const data = table.folders.data(name);
      await rename(data, join(folder, 'before'));
      await rename(join(folder, '_data'), data);
      await syncDirectory(dirname(data));
      return table.get(name);
    });
  });
}

/** @throws conflict for a volume that has files, or that a container refers to */
async function checkFree({ folders, find, users }: Table, name: string): Promise<void> {
  const record = find(name);
  if (!record) return;
  const why = isMount(record)
    ? 'it has options of a mount'
    : users(name).length > 0
      ? `containers refer to it: ${users(name)
          .map((id) => id.slice(0, 12))
          .join(', ')}`
      : (await readdir(folders.data(name)).catch(() => [])).length > 0
        ? 'it has files'
        : undefined;
  if (why) throw conflict(`import ${name}: ${why}; import into a new volume`);
}

/** `Volumes.fill`. */
export async function fillVolume(
  table: Table,
  name: string,
  ...[owner, subpath, put]: Parameters<Volumes['fill']> extends [string, ...infer Rest] ? Rest : never
): Promise<void> {
  const source = table.folders.data(name);
  const isShared = () => table.users(name).some((id) => id !== owner);
  const inPlace = () => put({ source, ...(subpath && { subpath }) });
  if (isShared()) return inPlace();
  await staged(table, async (folder) => {
    const made = join(folder, '_data');
    await put({ source: made });
    await table.queued(name, async () => {
      // A container that came meanwhile may have the folder mounted when it starts.
      if (isShared()) return inPlace();
      const base = await realpath(source);
      const target = await realpath(join(base, subpath ?? ''));
      if (target !== base && !target.startsWith(`${base}/`)) return;
      // An empty folder is replaced (rename(2)); files that somebody wrote meanwhile are kept.
      const replaced = await rename(made, target).catch((error: NodeJS.ErrnoException) => error.code ?? '');
      if (replaced === 'ENOTEMPTY' || replaced === 'EEXIST') return;
      // A mount is in its place, or it lies on another file system.
      if (replaced !== undefined) return inPlace();
      await syncDirectory(dirname(target));
    });
  });
}

/** A volume with the files of another. */
export async function cloneVolume(
  table: Table,
  name: string,
  { name: asked, labels, always, snapshot, signal }: CloneOptions,
): Promise<{ volume: Volume; shared: number; copied: number }> {
  if (!table.find(name)) throw notFound(`get ${name}: no such volume`);
  const time = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')
    .replace('T', '-');
  const target = asked || `${name}-${snapshot ? time : `clone-${randomBytes(4).toString('hex')}`}`;
  checkVolume(target, 'local', {});
  const checkNew = () => {
    if (table.find(target)) throw conflict(`volume ${target} already exists: choose another name`);
  };
  checkNew();
  const [from, done] = await opened(table, name);
  try {
    return await staged(table, async (folder) => {
      const { shared, copied } = await table.trees.clone(from, join(folder, '_data'), {
        always,
        ...(signal && { signal }),
      });
      return table.queued(target, async () => {
        signal?.throwIfAborted();
        checkNew();
        const marks: Record<string, string> = snapshot ? { [SNAPSHOT_OF]: name } : {};
        return { volume: await enter(table, target, folder, { ...marks, ...labels }), shared, copied };
      });
    });
  } finally {
    await done();
  }
}

/** The folder of a volume's files, mounted if it has options of a mount; and a call that ends that. */
async function opened(table: Table, name: string): Promise<[folder: string, done: () => Promise<void>]> {
  const owner = `copy ${randomBytes(8).toString('hex')}`;
  await table.mount(name, owner);
  return [table.folders.data(name), () => table.unmount(name, owner)];
}

/** Makes a volume's folder aside; nothing of it is left where `fill` fails. */
async function staged<T>(table: Table, fill: (folder: string) => Promise<T>): Promise<T> {
  const { folders, owner } = table;
  const folder = join(folders.root, UNFINISHED + randomBytes(8).toString('hex'));
  const data = join(folder, '_data');
  try {
    await mkdir(data, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o701);
    await chmod(data, 0o755);
    await chown(data, owner.uid, owner.gid);
    return await fill(folder);
  } finally {
    // If a volume was made of it, the folder has another name now.
    await folders.clear(folder);
  }
}

/** Gives a folder that is made the volume's name. */
async function enter(
  table: Table,
  name: string,
  folder: string,
  labels: Record<string, string>,
): Promise<Volume> {
  const place = join(table.folders.root, name);
  try {
    await rename(folder, place);
    await syncDirectory(table.folders.root);
    return await table.add(name, labels);
  } catch (error) {
    throw systemError(`create ${name}: ${(error as Error).message}`, error);
  }
}
