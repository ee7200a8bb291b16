import { Readable } from 'node:stream';
import type { Layer, Layers } from '../../../layers/api.ts';
import type { Collection } from '../../../store/api.ts';
import type { RemoteCaches } from '../cache/imports.ts';
import { hash } from '../hash.ts';
import type { Vertex } from '../progress/progress.ts';
import type { Snapshot, StepRecord } from '../steps/snapshot.ts';

/** The cached result of a step, by its key. */
export interface CachedStep {
  /** null: nothing changed. */
  diffId: string | null;
  size: number;
  description: string;
  created: string;
  used: string;
  count: number;
}

/** How one step is done. */
export interface StepOptions {
  vertex: Vertex;
  /** The step's result may be taken from a cache. */
  cache: boolean;
  signal: AbortSignal;
}

export interface CachedStepsParts {
  layers: Layers;
  cache: Collection<CachedStep>;
  /** A step was remembered: its layer must stay, the one that it replaced need not. */
  onCached: (diffId: string, replaced: string | null) => void;
}

/** A tar without entries. */
const EMPTY_TAR = Buffer.alloc(1024);

/** The steps of one build: each is taken from a cache or done, at most once at a time, and its result remembered. */
export class CachedSteps {
  /** The steps of this build so far, done or taken from a cache. */
  readonly records = new Map<string, StepRecord>();
  private readonly parts: CachedStepsParts;
  private readonly remote: RemoteCaches;
  private readonly lease: (diffIds: string[]) => void;
  private readonly running = new Map<string, Promise<CachedStep>>();
  private readonly onMiss: Array<() => void> = [];
  private missed = false;

  /** `lease` keeps layers until the build ends. */
  constructor(parts: CachedStepsParts, remote: RemoteCaches, lease: (diffIds: string[]) => void) {
    this.parts = parts;
    this.remote = remote;
    this.lease = lease;
  }

  /** Has something done once a step is not in the cache, and files of the context are likely to be read. */
  whenMissed(work: () => void): void {
    if (this.missed) work();
    else this.onMiss.push(work);
  }

  /**
   * The snapshot that a step makes of another one: from this daemon's cache, from a cache that the client named, or by
   * `make`; the step's vertex shows which.
   */
  async step(
    from: Snapshot,
    key: string,
    description: string,
    options: StepOptions,
    make: () => Promise<Layer | null>,
  ): Promise<Snapshot> {
    const full = hash([from.key, key]);
    options.vertex.start();
    const cached = options.cache && (await this.find(full, description, options));
    if (cached) {
      options.vertex.done({ cached: true });
      return this.apply(from, full, cached);
    }
    this.miss();
    try {
      const entry = await this.makeOnce(full, description, options.cache, make);
      options.vertex.done();
      return this.apply(from, full, entry);
    } catch (error) {
      options.vertex.done({ error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  private async find(
    key: string,
    description: string,
    { vertex, signal }: StepOptions,
  ): Promise<CachedStep | undefined> {
    const { cache, layers } = this.parts;
    const local = cache.get(key);
    if (local && (local.diffId === null || layers.has(local.diffId))) {
      if (local.diffId !== null) this.lease([local.diffId]);
      cache.put(key, { ...local, used: new Date().toISOString(), count: local.count + 1 });
      return local;
    }
    const remote = await this.remote.find(key, {
      signal,
      lease: (diffId) => this.lease([diffId]),
      onFailure: (message) => vertex.log(message, 2),
    });
    return remote && this.remember(key, remote, description);
  }

  /** Makes a layer, or waits for the same step of another stage; a step that may not be cached is made for itself. */
  private makeOnce(
    key: string,
    description: string,
    share: boolean,
    make: () => Promise<Layer | null>,
  ): Promise<CachedStep> {
    const shared = share ? this.running.get(key) : undefined;
    if (shared) return shared;
    const running = (async () => {
      // A step that changed nothing is a layer without entries, as BuildKit has it.
      const layer = (await make()) ?? (await this.parts.layers.add(Readable.from([EMPTY_TAR])));
      this.lease([layer.diffId]);
      return this.remember(key, { ...layer, created: new Date().toISOString() }, description);
    })();
    this.running.set(key, running);
    running.finally(() => this.running.delete(key)).catch(() => undefined);
    return running;
  }

  private remember(
    key: string,
    { diffId, size, created }: { diffId: string; size: number; created: string },
    description: string,
  ): CachedStep {
    const used = new Date().toISOString();
    const entry: CachedStep = { diffId, size, description, created, used, count: 1 };
    const before = this.parts.cache.get(key);
    this.parts.cache.put(key, entry);
    // Two builds may have made the same step, each with a layer of its own.
    this.parts.onCached(diffId, before?.diffId === diffId ? null : (before?.diffId ?? null));
    return entry;
  }

  private apply(from: Snapshot, key: string, { diffId, created }: CachedStep): Snapshot {
    if (diffId === null) return { ...from, key, lastEmpty: true, created };
    const step = { key, diffIds: [...from.diffIds, diffId], created };
    this.records.set(key, step);
    return { ...step, lastEmpty: false, steps: [...from.steps, step] };
  }

  private miss(): void {
    this.missed = true;
    for (const work of this.onMiss.splice(0)) work();
  }
}
