import { randomBytes } from 'node:crypto';
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, conflict, notFound, systemError } from '../base/errors.ts';
import { checkFilters } from '../base/filters.ts';
import { sortedMap } from '../base/go-json.ts';
import { log } from '../base/log.ts';
import { Turns } from '../base/turns.ts';
import type { Events } from '../events/api.ts';
import type { Trees } from '../layers/api.ts';
import { filterMatcher } from '../patterns/expression.ts';
import type { Store } from '../store/api.ts';
import type { CloneOptions, Volume, Volumes } from './api.ts';
import { booleanFilter, checkVolume, hasLabel, pruneAll } from './checks.ts';
import { cloneVolume, exportVolume, fillVolume, importVolume, type Table } from './copies.ts';
import { Folders } from './folders.ts';
import { OptionMounts } from './mounts.ts';
import { reconcileVolumes } from './reconcile.ts';
import { ANONYMOUS, isMount, seconds, type VolumeRecord } from './record.ts';

/** Named volumes in `<data root>/volumes/<name>/_data`. */
export function openVolumes(deps: {
  dataRoot: string;
  store: Store;
  events: Events;
  /** The owner of new volumes. */
  owner?: { uid: number; gid: number };
  /** Bytes of the files in a folder. @throws not-found */
  folderSize(folder: string): Promise<number>;
  trees: Trees;
}): Volumes {
  const { dataRoot, store, events, owner = { uid: 0, gid: 0 }, folderSize, trees } = deps;
  return new LocalVolumes(dataRoot, store, events, owner, folderSize, trees);
}

class LocalVolumes implements Volumes {
  private readonly folders: Folders;
  private readonly store: Store;
  private readonly events: Events;
  private readonly folderSize: (folder: string) => Promise<number>;
  private readonly records;
  /** Removed ones whose folder may come back with a power cut: such a folder is no lost volume. */
  private readonly gone;
  /** For copies, exports and imports. */
  private readonly table: Table;
  private usersOf: (name: string) => string[] = () => [];
  /** Mounts, unmounts and removals of one volume follow each other. */
  private readonly turns = new Turns();
  private readonly mounts: OptionMounts;

  constructor(
    dataRoot: string,
    store: Store,
    events: Events,
    owner: { uid: number; gid: number },
    folderSize: (folder: string) => Promise<number>,
    trees: Trees,
  ) {
    this.folderSize = folderSize;
    this.folders = new Folders(join(dataRoot, 'volumes'), owner, trees);
    this.mounts = new OptionMounts(this.folders, this.turns);
    this.store = store;
    this.events = events;
    this.records = store.collection<VolumeRecord>('volumes');
    this.gone = store.collection<true>('volumes_removed');
    this.table = {
      folders: this.folders,
      trees,
      owner,
      find: (name) => this.records.get(name),
      users: (name) => this.usersOf(name),
      add: (name, labels) => this.add(name, labels),
      get: (name) => this.get(name),
      queued: (name, action) => this.turns.take(name, action),
      mount: (name, holder) => this.mount(name, holder),
      unmount: (name, holder) => this.unmount(name, holder),
    };
  }

  async create(asked: {
    name?: string;
    anonymous?: boolean;
    driver?: string;
    labels?: Record<string, string>;
    options?: Record<string, string>;
  }): Promise<{ volume: Volume; created: boolean }> {
    const name = asked.name || randomBytes(32).toString('hex');
    // One of that name may be on its way out, or in: who is told that it is there goes by its record on the disk.
    return this.turns.take(name, () => this.made(name, asked));
  }

  /** `create`, in the volume's turn. */
  private async made(
    name: string,
    asked: Parameters<Volumes['create']>[0],
  ): Promise<{ volume: Volume; created: boolean }> {
    const options = asked.options ?? {};
    const known = this.records.get(name);
    checkVolume(name, asked.driver || 'local', known ? {} : options);
    if (known) {
      await this.folders.ensure(name);
      return { volume: this.shown(known), created: false };
    }

    const nameless = !asked.name || asked.anonymous;
    const labels = nameless ? { [ANONYMOUS]: '', ...asked.labels } : asked.labels;
    const record: VolumeRecord = {
      name,
      created: seconds(new Date()),
      labels: labels && Object.keys(labels).length > 0 ? labels : null,
      options: Object.keys(options).length > 0 ? options : null,
    };
    this.records.put(name, record);
    this.gone.delete(name);
    try {
      // Recorded first: a folder that no record names is a volume whose record was lost, never one half made.
      const results = await Promise.allSettled([this.store.flush(), this.folders.make(name)]);
      // Both must have ended before they are undone.
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    } catch (error) {
      this.records.delete(name);
      await this.folders.clear(join(this.folders.root, name)).catch(() => undefined);
      throw systemError(
        `create ${name}: error while creating volume path: ${(error as Error).message}`,
        error,
      );
    }
    this.events.emit('volume', 'create', name, { driver: 'local' });
    return { volume: this.shown(record), created: true };
  }

  get(name: string): Volume {
    const record = this.records.get(name);
    if (!record) throw notFound(`get ${name}: no such volume`);
    return this.shown(record);
  }

  async list(filters: Record<string, string[]> = {}): Promise<Volume[]> {
    checkFilters(filters, ['dangling', 'driver', 'label', 'name']);
    const dangling = booleanFilter(filters, 'dangling');
    const { driver = [], label = [], name = [] } = filters;
    const isNamed = name.length === 0 ? () => true : await filterMatcher(name);
    return [...this.records.values()]
      .filter(
        (record) =>
          (dangling === undefined || (this.usersOf(record.name).length === 0) === dangling) &&
          (driver.length === 0 || driver.includes('local')) &&
          label.every((wanted) => hasLabel(record.labels, wanted)) &&
          isNamed(record.name),
      )
      .map((record) => this.shown(record));
  }

  async remove(name: string, { force }: { force: boolean }): Promise<void> {
    const record = this.records.get(name);
    if (!record) {
      if (force) return;
      throw notFound(`get ${name}: no such volume`);
    }
    await this.turns.take(name, async () => {
      const users = this.usersOf(name);
      if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
      if (!this.records.get(name)) return;
      const forget = () => {
        this.gone.put(name, true);
        this.records.delete(name);
      };
      await this.folders.remove(name, forget, () => this.store.flush());
      this.events.emit('volume', 'destroy', name, { driver: 'local' });
    });
  }

  async prune(
    filters: Record<string, string[]>,
  ): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }> {
    checkFilters(filters, ['label', 'label!', 'all']);
    const all = pruneAll(filters['all'] ?? []);
    const labels = filters['label'] ?? [];
    const unwanted = filters['label!'] ?? [];
    const deleted: string[] = [];
    let reclaimed = 0;
    for (const record of [...this.records.values()]) {
      // A volume with options is data that lies elsewhere, or was asked for in detail: no prune takes it.
      if (record.options) continue;
      if (!all && !(record.labels && Object.hasOwn(record.labels, ANONYMOUS))) continue;
      if (!labels.every((label) => hasLabel(record.labels, label))) continue;
      if (unwanted.some((label) => hasLabel(record.labels, label))) continue;
      if (this.usersOf(record.name).length > 0) continue;
      const size = await this.size(record.name).catch(() => 0);
      try {
        await this.remove(record.name, { force: true });
      } catch (error) {
        // A volume that was taken into use meanwhile is not for a prune to remove.
        if (!(error instanceof BerthError && error.kind === 'conflict'))
          log.warn({ err: error, volume: record.name }, 'prune could not remove a volume');
        continue;
      }
      deleted.push(record.name);
      reclaimed += size;
    }
    this.events.emit('volume', 'prune', '', { reclaimed: String(reclaimed) });
    return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed };
  }

  async size(name: string): Promise<number> {
    const record = this.records.get(name);
    if (!record) throw notFound(`get ${name}: no such volume`);
    try {
      return await this.folderSize(this.folders.data(name));
    } catch (error) {
      // The volume may have been removed meanwhile, and another of that name made.
      if (this.records.get(name) !== record) throw notFound(`get ${name}: no such volume`);
      // Its folder is being made, or somebody took it away. Whether it is there by now says nothing of that moment.
      if (error instanceof BerthError && error.kind === 'not-found') return 0;
      throw error;
    }
  }

  export(name: string): Promise<Readable> {
    return exportVolume(this.table, name);
  }

  import(name: string, tar: Readable, signal?: AbortSignal): Promise<Volume> {
    return importVolume(this.table, name, tar, signal);
  }

  clone(name: string, options: CloneOptions) {
    return cloneVolume(this.table, name, options);
  }

  private async add(name: string, labels: Record<string, string>): Promise<Volume> {
    const record: VolumeRecord = {
      ...{ name, created: seconds(new Date()), options: null },
      labels: Object.keys(labels).length > 0 ? labels : null,
    };
    this.records.put(name, record);
    this.gone.delete(name);
    await this.store.flushOr(() => {
      this.records.delete(name);
      return this.folders.clear(join(this.folders.root, name));
    });
    this.events.emit('volume', 'create', name, { driver: 'local' });
    return this.shown(record);
  }

  users(name: string): string[] {
    return this.usersOf(name);
  }

  setUsers(users: (name: string) => string[]): void {
    this.usersOf = users;
  }

  async needsCopyUp(name: string, subpath = ''): Promise<boolean> {
    const record = this.records.get(name);
    if (!record || isMount(record)) return false;
    await this.folders.ensure(name);
    const base = await realpath(this.folders.data(name));
    // A subpath that is missing, no folder or outside the volume is refused when the container starts.
    const folder = await realpath(join(base, subpath)).catch(() => '');
    if (folder !== base && !folder.startsWith(`${base}/`)) return false;
    return (await readdir(folder).catch(() => ['no folder'])).length === 0;
  }

  fill(...[name, ...how]: Parameters<Volumes['fill']>): Promise<void> {
    return fillVolume(this.table, name, ...how);
  }

  async mount(name: string, owner: string): Promise<void> {
    const record = this.records.get(name);
    if (!record) throw notFound(`get ${name}: no such volume`);
    await this.folders.ensure(name);
    if (isMount(record)) await this.mounts.mount(record, owner);
  }

  unmount(name: string, owner: string): Promise<void> {
    return this.mounts.unmount(name, owner);
  }

  async reconcile(running: Array<{ owner: string; volumes: string[] }> = []): Promise<void> {
    const { folders, records, gone, mounts } = this;
    await reconcileVolumes({ folders, records, gone, mounts }, running);
  }

  private shown({ name, created, labels, options }: VolumeRecord): Volume {
    return {
      CreatedAt: created,
      Driver: 'local',
      Labels: labels && sortedMap(labels),
      Mountpoint: this.folders.data(name),
      Name: name,
      Options: options && sortedMap(options),
      Scope: 'local',
    };
  }
}
