import { posix } from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { BerthError } from '../../base/errors.ts';
import type { Fetch } from '../../base/fetch.ts';
import type { Mounts } from '../../dockerfile/mounts.ts';
import type { ImageConfig, ImageDescriptor, ImageRunConfig, Images } from '../../images/api.ts';
import { detectedPlatform, fullReference } from '../../images/index.ts';
import type { Archive, Layer, Layers } from '../../layers/api.ts';
import type { Collection } from '../../store/api.ts';
import { copyTar, type Source } from '../copy.ts';
import type { Steps } from '../steps.ts';
import type { Worker } from '../worker.ts';
import { RemoteCaches } from './cache/imports.ts';
import type { CacheStore } from './cache/types.ts';
import { hash } from './hash.ts';
import type { Progress, Vertex } from './progress/progress.ts';
import { sourceError } from './progress/source-errors.ts';
import type { Session } from './session/session.ts';
import { type MountSources, type PreparedMounts, prepareMounts } from './steps/prepared-mounts.ts';
import type { Snapshot, StepRecord } from './steps/snapshot.ts';

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

/** A tar without entries. */
const EMPTY_TAR = Buffer.alloc(1024);

export interface SolverParts {
  images: Images;
  layers: Layers;
  steps: Steps;
  worker: Worker;
  cache: Collection<CachedStep>;
  fetch: Fetch;
  /** Where cache mounts live. */
  cacheFolder: string;
  /** A step was remembered: its layer must stay. */
  onCached: (diffId: string, replaced: string | null) => void;
  hostPlatform: { os: string; architecture: string; variant?: string };
}

/** The digest by which an image is known in the repository of a full name. */
function digestIn(repoDigests: readonly string[], full: string): string | undefined {
  const repository = full.replace(/:[^/:]*$/, '');
  return repoDigests.find((name) => fullReference(name).split('@')[0] === repository)?.split('@')[1];
}

interface StepOptions {
  vertex: Vertex;
  cache: boolean;
  signal: AbortSignal;
}

/** Does the steps, each at most once at a time, and remembers what they gave. */
export class Solver {
  private readonly parts: SolverParts;
  /** The steps of this build so far, done or taken from a cache. */
  readonly steps = new Map<string, StepRecord>();
  readonly caches: RemoteCaches;
  private readonly emptied = new Set<string>();
  private readonly running = new Map<string, Promise<CachedStep>>();
  /** Layers that this build needs until its image is registered. */
  private readonly held: Array<() => Promise<void>> = [];
  private readonly onMiss: Array<() => void> = [];
  private missed = false;

  constructor(parts: SolverParts) {
    this.parts = parts;
    this.caches = new RemoteCaches(parts);
  }

  /** By the daemon's proxies. */
  get fetch(): Fetch {
    return this.parts.fetch;
  }

  /** Has something done once a step is not in the cache, and files of the context are likely to be read. */
  whenMissed(work: () => void): void {
    if (this.missed) work();
    else this.onMiss.push(work);
  }

  private miss(): void {
    this.missed = true;
    for (const work of this.onMiss.splice(0)) work();
  }

  async release(): Promise<void> {
    for (const release of this.held.splice(0)) await release();
  }

  hold(diffIds: string[]): void {
    this.held.push(this.parts.images.hold(diffIds));
  }

  platform(text?: string): { os: string; architecture: string; variant?: string } {
    if (!text) return this.parts.hostPlatform;
    const [os = 'linux', architecture = this.parts.hostPlatform.architecture, variant] = text.split('/');
    return { os, architecture, ...(variant ? { variant } : {}) };
  }

  scratch(): Snapshot {
    return { diffIds: [], key: hash('scratch'), lastEmpty: true, steps: [] };
  }

  /** A base image: the local one where it may serve, else from its registry, without naming it here. */
  async base(options: {
    reference: string;
    platform: string;
    resolveMode: string;
    /** The heading of the step in the progress. */
    label: string;
    session: Session;
    progress: Progress;
    signal: AbortSignal;
  }): Promise<{ snapshot: Snapshot; config: ImageConfig; name: string; digest: string; local: boolean }> {
    const { reference, platform, session, progress, signal } = options;
    const { images } = this.parts;
    const full = fullReference(reference);
    const title = `${options.label} load metadata for ${options.label === '[internal]' ? full : reference}`;
    if (options.resolveMode !== 'pull') {
      try {
        // A local image of another platform is no base: its registry may have the right one.
        const image = images.resolve(reference, { platform: platform || detectedPlatform() });
        progress.vertex(title).start().done();
        this.hold(image.config.rootfs.diff_ids);
        return {
          snapshot: {
            diffIds: image.config.rootfs.diff_ids,
            key: hash(['base', image.config.rootfs.diff_ids]),
            lastEmpty: true,
            steps: [],
          },
          config: image.config,
          name: full,
          digest: digestIn(image.repoDigests, full) ?? images.manifest(image.id)?.digest ?? image.id,
          local: true,
        };
      } catch (error) {
        if (!(error instanceof BerthError) || error.kind !== 'not-found') throw error;
      }
    }
    const work = async (vertex: Vertex) => {
      const fetched = await images.base({
        reference,
        ...(platform ? { platform } : {}),
        auth: (host: string) => session.credentials(host),
        signal,
        onProgress: (line) => {
          const detail = line['progressDetail'] as { current?: number; total?: number } | undefined;
          if (typeof line['id'] === 'string' && detail?.current !== undefined)
            vertex.status(line['id'], detail.current, detail.total ?? 0);
        },
      });
      this.held.push(fetched.release);
      return {
        snapshot: {
          diffIds: fetched.config.rootfs.diff_ids,
          key: hash(['base', fetched.config.rootfs.diff_ids]),
          lastEmpty: true,
          steps: [],
        },
        config: fetched.config,
        name: full,
        digest: fetched.digest,
        local: false,
      };
    };
    const failed = (error: Error) => Promise.reject(sourceError(error, full));
    return progress
      .step(title, (vertex) => work(vertex).catch(failed))
      .catch((error: Error) => {
        throw new BerthError(
          'system',
          `${options.label === '[internal]' ? `${reference}: ` : ''}failed to resolve source metadata for ${full}: ${error.message}`,
          { cause: error },
        );
      });
  }

  /** The configuration of a base image; its layers stay where they are. @throws as `base` */
  async configOf(options: Parameters<Solver['base']>[0]): Promise<ImageConfig> {
    const { reference, platform, session, signal, progress } = options;
    const full = fullReference(reference);
    return progress.step(`${options.label} load metadata for ${full}`, async () => {
      try {
        return this.parts.images.resolve(reference, { platform: platform || detectedPlatform() }).config;
      } catch (error) {
        if (!(error instanceof BerthError) || error.kind !== 'not-found') throw error;
      }
      const fetched = await this.parts.images
        .base({
          reference,
          ...(platform ? { platform } : {}),
          auth: (host: string) => session.credentials(host),
          signal,
          onProgress: () => undefined,
          configOnly: true,
        })
        .catch((error: Error) => Promise.reject(sourceError(error, full)));
      await fetched.release();
      return fetched.config;
    });
  }

  /** Takes a step's result from the cache, or makes it; the vertex shows which. */
  private async step(
    from: Snapshot,
    key: string,
    description: string,
    options: StepOptions,
    make: () => Promise<Layer | null>,
  ): Promise<Snapshot> {
    const full = hash([from.key, key]);
    const { cache, layers } = this.parts;
    const apply = (entry: CachedStep): Snapshot => {
      const { diffId, created } = entry;
      if (diffId === null) return { ...from, key: full, lastEmpty: true, created };
      const step = { key: full, diffIds: [...from.diffIds, diffId], created };
      this.steps.set(full, step);
      return { ...step, lastEmpty: false, steps: [...from.steps, step] };
    };
    options.vertex.start();
    if (options.cache) {
      const known = cache.get(full);
      if (known && (known.diffId === null || layers.has(known.diffId))) {
        if (known.diffId !== null) this.hold([known.diffId]);
        cache.put(full, { ...known, used: new Date().toISOString(), count: known.count + 1 });
        options.vertex.done({ cached: true });
        return apply(known);
      }
      const remote = await this.remote(full, options);
      if (remote) {
        const entry = this.remember(full, remote, description);
        options.vertex.done({ cached: true });
        return apply(entry);
      }
    }
    this.miss();
    try {
      let running = options.cache ? this.running.get(full) : undefined;
      if (!running) {
        running = (async () => {
          // A step that changed nothing is a layer without entries, as BuildKit has it.
          const layer = (await make()) ?? (await layers.add(Readable.from([EMPTY_TAR])));
          this.hold([layer.diffId]);
          return this.remember(full, { ...layer, created: new Date().toISOString() }, description);
        })();
        this.running.set(full, running);
        running.finally(() => this.running.delete(full)).catch(() => undefined);
      }
      const entry = await running;
      options.vertex.done();
      return apply(entry);
    } catch (error) {
      options.vertex.done({ error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
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

  /** The step from the caches elsewhere that the client has named, its layer here. */
  private remote(key: string, { vertex, signal }: StepOptions): ReturnType<RemoteCaches['find']> {
    return this.caches.find(key, {
      signal,
      hold: (diffId) => this.hold([diffId]),
      onFailure: (message) => vertex.log(message, 2),
    });
  }

  /** WORKDIR. */
  folder(
    from: Snapshot,
    path: string,
    vertex: Vertex,
    options: Omit<StepOptions, 'vertex'> & { time: Date | undefined },
  ): Promise<Snapshot> {
    return this.step(from, hash(['WORKDIR', path]), `WORKDIR ${path}`, { ...options, vertex }, () =>
      this.parts.steps.makeFolder(from.diffIds, path, options.signal, options.time),
    );
  }

  /** COPY and ADD. */
  copy(
    from: Snapshot,
    options: StepOptions & {
      sources: Source[];
      target: string;
      digest: string;
      mode?: number;
      owner: ((archive: Archive) => Promise<{ uid: number; gid: number }>) | undefined;
      ownerKey: string;
      keepOwners: boolean;
      /** The time of directories that are made on the way; the present one without it. */
      time: Date | undefined;
    },
  ): Promise<Snapshot> {
    const names = options.sources.map(({ name, unpacked, skip }) => [
      posix.basename(name),
      unpacked ?? false,
      skip !== undefined,
    ]);
    const key = hash([
      'COPY',
      options.digest,
      names,
      options.target,
      options.mode ?? null,
      options.ownerKey,
      options.keepOwners,
    ]);
    return this.step(from, key, `COPY ${options.target}`, options, () =>
      this.parts.steps.changed(from.diffIds, async (archive) => {
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
        await archive.put('/', tar, {
          noOverwriteDirNonDir: false,
          signal: options.signal,
        });
      }),
    );
  }

  /** RUN. @throws BerthError with BuildKit's text for another exit code than 0. */
  run(
    from: Snapshot,
    options: StepOptions & {
      config: ImageRunConfig;
      command: string[];
      shown: string[];
      env: string[];
      keyEnv: string[];
      mounts: PreparedMounts;
      network: 'default' | 'none' | 'host';
      privileged: boolean;
      extraHosts: string[];
      hostname: string;
      shmSize: number;
      ulimits: Array<{ Name: string; Soft: number; Hard: number }>;
      cgroupParent: string;
    },
  ): Promise<Snapshot> {
    const { config, vertex } = options;
    const key = hash([
      'RUN',
      options.command,
      options.keyEnv,
      config.User ?? '',
      config.WorkingDir ?? '/',
      options.mounts.key,
      options.network,
      options.extraHosts,
      ...(options.privileged ? ['insecure'] : []),
    ]);
    return this.step(from, key, `RUN ${options.shown.join(' ')}`, options, async () => {
      const shown = `process "${options.shown.join(' ')}" did not complete successfully`;
      const run = this.parts.worker.run({
        diffIds: from.diffIds,
        config,
        command: options.command,
        env: options.env,
        mounts: options.mounts.mounts,
        network: options.network,
        privileged: options.privileged,
        hostname: options.hostname,
        extraHosts: options.extraHosts,
        shmSize: options.shmSize,
        ulimits: options.ulimits,
        cgroupParent: options.cgroupParent,
        signal: options.signal,
        onOutput: (text, stream) => vertex.log(text, stream === 'stderr' ? 2 : 1),
      });
      const { exitCode, layer } = await run.catch((error: Error) => {
        if (/^unable to find (user|group)/.test(error.message))
          throw new BerthError('system', `${shown}: ${error.message}`, { cause: error });
        if (!error.message.startsWith('exec: ')) throw error;
        // A command that cannot be started fails as one that printed the reason.
        vertex.log(`${error.message}\n`, 2);
        return { exitCode: 1, layer: null };
      });
      if (exitCode !== 0) throw new BerthError('system', `${shown}: exit code: ${exitCode}`);
      return layer;
    });
  }

  /** A look into a snapshot's root. */
  look<T>(snapshot: Snapshot, use: (archive: Archive) => Promise<T>): Promise<T> {
    return this.parts.steps.withRoot(snapshot.diffIds, use);
  }

  /** Puts what a RUN mounts on disk. */
  mounts(
    wanted: Mounts[],
    program: { path: string; text: string } | undefined,
    from: MountSources,
  ): Promise<PreparedMounts> {
    const look: Solver['look'] = (snapshot, use) => this.look(snapshot, use);
    return prepareMounts({ ...this.parts, look, emptied: this.emptied }, wanted, program, from);
  }

  /** A layer in a place for cached steps, where it is written unless it is there: not compressed. */
  async layer(diffId: string, store: CacheStore): Promise<ImageDescriptor> {
    const layer = this.parts.layers.get(diffId);
    if (!layer) throw new BerthError('unavailable', `the layer ${diffId} is not here any more`);
    const descriptor = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: diffId,
      size: layer.tarSize,
    };
    if (!(await store.has(diffId))) await store.write(descriptor, await this.parts.layers.tar(diffId));
    return descriptor;
  }

  /** A layer made anew of another, its tar changed on the way; held until the build ends. Returns its diffId. */
  async rewritten(diffId: string, change: () => Transform): Promise<string> {
    const tar = await this.parts.layers.tar(diffId);
    const changed = change();
    tar.on('error', (error) => changed.destroy(error));
    const layer = await this.parts.layers.add(tar.pipe(changed));
    this.hold([layer.diffId]);
    return layer.diffId;
  }

  /** The root as a tar (exporters). */
  async tar(snapshot: Snapshot, use: (tar: Readable) => Promise<void>): Promise<void> {
    await this.look(snapshot, async (archive) => use(await archive.export()));
  }
}
