import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidParameter } from '../base/errors.ts';
import type { Images } from '../images/api.ts';
import type { Layers } from '../layers/api.ts';
import type { Collection, Store } from '../store/api.ts';
import type { CacheRecord, PruneOptions } from './api.ts';
import { Remembered } from './buildkit/session/remembered.ts';
import type { CachedStep } from './buildkit/solver/cached-steps.ts';
import { removeUnused } from './buildkit/steps/locks.ts';
import { durationMs, matchesRecord, recordFilters, stepRecord } from './cache-records.ts';
import { BuildCache } from './classic/cache.ts';
import { keptBytes } from './kept-bytes.ts';

interface CacheOptions {
  /** The room's folder. */
  root: string;
  store: Store;
  images: Images;
  layers: Layers;
}

/** The build cache: steps of both builders with their layers, contexts, and cache mounts. */
export class Cache {
  /** Images of the classic builder's steps. */
  readonly classic: BuildCache;
  /** BuildKit's steps by their keys. */
  readonly steps: Collection<CachedStep>;
  readonly remembered: Remembered;
  /** The folder of `RUN --mount=type=cache`. */
  readonly mounts: string;
  readonly #options: CacheOptions;
  /** How the layer of a step is let go, by its diff id: a lease keeps it until the cache is pruned. */
  readonly #leases = new Map<string, () => Promise<void>>();

  constructor(options: CacheOptions) {
    const { root, store, images, layers } = options;
    this.#options = options;
    this.classic = new BuildCache(store, images);
    this.steps = store.collection<CachedStep>('build_steps');
    this.remembered = new Remembered(join(root, 'contexts'));
    this.mounts = join(root, 'mounts');
    for (const { diffId } of this.steps.values())
      if (diffId !== null && layers.has(diffId)) this.#keep(diffId);
  }

  #keep(diffId: string): void {
    if (!this.#leases.has(diffId)) this.#leases.set(diffId, this.#options.images.lease([diffId]));
  }

  /** A step that is in `steps` now has the layer `diffId`; in the place of the layer `replaced`, if there was one. */
  added(diffId: string, replaced: string | null): void {
    this.#keep(diffId);
    if (replaced !== null) void this.#letGo(replaced);
  }

  /** A remembered step has this layer no more; another may have the same. */
  async #letGo(layer: string): Promise<void> {
    if ([...this.steps.values()].some(({ diffId }) => diffId === layer)) return;
    const release = this.#leases.get(layer);
    this.#leases.delete(layer);
    await release?.();
  }

  /** The records of both builders, as `GET /system/df` and `buildx du` show them. */
  list(): CacheRecord[] {
    return [...this.classic.list(), ...this.stepRecords()];
  }

  /** The records of BuildKit's steps. */
  stepRecords(): CacheRecord[] {
    const images = this.#imageLayers();
    return [...this.steps.entries()].map(([key, step]) => stepRecord(key, step, images));
  }

  #imageLayers(): Set<string> {
    return new Set(this.#options.images.list().flatMap(({ config }) => config.rootfs.diff_ids));
  }

  /** `POST /build/prune`. @throws invalid-parameter for a filter that there is not */
  async prune(options: PruneOptions): Promise<{ CachesDeleted: string[]; SpaceReclaimed: number }> {
    // Records have no labels: `docker system prune` sends its label filters here too, and none of ours match.
    if (options.filters['label'] || options.filters['label!'])
      return { CachesDeleted: [], SpaceReclaimed: 0 };
    for (const name of Object.keys(options.filters))
      if (!recordFilters.has(name))
        throw invalidParameter(`failed to prune build cache: invalid filter '${name}'`);
    const gone = await this.forget(options);
    return {
      CachesDeleted: gone.map(({ ID }) => ID),
      SpaceReclaimed: gone.reduce((sum, { Size }) => sum + Size, 0),
    };
  }

  /**
   * Forgets steps, least recently used first; returns them. Those whose layer an image has too hold no space of their
   * own, and stay unless all are to go.
   */
  async forget(options: PruneOptions): Promise<CacheRecord[]> {
    const { filters, all, keepDuration } = options;
    const until = filters['until']?.[0] ?? filters['unused-for']?.[0];
    const age = until === undefined ? keepDuration : durationMs(until);
    const limit = age === undefined || age === 0 ? Number.POSITIVE_INFINITY : Date.now() - age;
    const keep = (record: CacheRecord) =>
      Date.parse(record.LastUsedAt) > limit || (!all && record.Shared) || !matchesRecord(record, filters);
    const { bavail, bsize } = await statfs(this.#options.root);
    // From here to the prune nothing is waited for: a build may add records meanwhile.
    const records = new Map(this.classic.list().map((record) => [record.ID, record]));
    let held = [...this.steps.values()].reduce((sum, step) => sum + step.size, 0);
    const keepBytes = keptBytes(options, held, bavail * bsize);
    const gone = keepBytes > 0 ? [] : this.classic.prune(keep).map((ID) => records.get(ID)!);
    const images = this.#imageLayers();
    const oldest = [...this.steps.entries()].sort(([, a], [, b]) => (a.used < b.used ? -1 : 1));
    for (const [key, step] of oldest) {
      if (keepBytes > 0 && held <= keepBytes) break;
      const record = stepRecord(key, step, images);
      if (keep(record)) continue;
      this.steps.delete(key);
      gone.push(record);
      held -= step.size;
      if (step.diffId !== null) await this.#letGo(step.diffId);
    }
    if (all && Object.keys(filters).length === 0) {
      await removeUnused(this.mounts, this.#options.layers.trees);
      await this.remembered.clear();
    }
    return gone;
  }
}
