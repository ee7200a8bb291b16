import type { Readable, Transform } from 'node:stream';
import { BerthError } from '../../../base/errors.ts';
import type { Fetch } from '../../../base/fetch.ts';
import type { Mounts } from '../../../dockerfile/mounts.ts';
import type { ImageConfig, ImageDescriptor, Images } from '../../../images/api.ts';
import type { Archive, Layers } from '../../../layers/api.ts';
import type { Steps } from '../../steps.ts';
import type { Worker } from '../../worker.ts';
import { RemoteCaches } from '../cache/imports.ts';
import type { CacheStore } from '../cache/types.ts';
import { hash } from '../hash.ts';
import { type MountSources, type PreparedMounts, prepareMounts } from '../steps/prepared-mounts.ts';
import type { Snapshot, StepRecord } from '../steps/snapshot.ts';
import { type BaseImage, type BaseRequest, findBase, findBaseConfig } from './base-images.ts';
import { CachedSteps, type CachedStepsParts, type StepOptions } from './cached-steps.ts';
import { type CopyOptions, copyKey, copyLayer } from './copy.ts';
import { type RunOptions, runKey, runLayer } from './run.ts';

export interface SolverParts extends CachedStepsParts {
  images: Images;
  layers: Layers;
  steps: Steps;
  worker: Worker;
  fetch: Fetch;
  /** The folder of cache mounts. */
  cacheFolder: string;
  hostPlatform: { os: string; architecture: string; variant?: string };
}

/** One build's work on layers: finds its base images, does its steps, and keeps their layers until the build ends. */
export class Solver {
  readonly caches: RemoteCaches;
  private readonly parts: SolverParts;
  private readonly cached: CachedSteps;
  /** Folders of cache mounts that this build has emptied. */
  private readonly emptied = new Set<string>();
  /** Lets go of layers that this build needs until its image is registered. */
  private readonly releases: Array<() => Promise<void>> = [];

  constructor(parts: SolverParts) {
    this.parts = parts;
    this.caches = new RemoteCaches(parts);
    this.cached = new CachedSteps(parts, this.caches, (diffIds) => this.lease(diffIds));
  }

  /** Fetches by the daemon's proxies. */
  get fetch(): Fetch {
    return this.parts.fetch;
  }

  /** The steps of this build so far, done or taken from a cache. */
  get steps(): ReadonlyMap<string, StepRecord> {
    return this.cached.records;
  }

  /** Has something done once a step is not in the cache, and files of the context are likely to be read. */
  whenMissed(work: () => void): void {
    this.cached.whenMissed(work);
  }

  /** Keeps layers until the build ends. */
  lease(diffIds: string[]): void {
    this.releases.push(this.parts.images.lease(diffIds));
  }

  /** Ends the build: its layers stay only where an image or the cache has them. */
  async release(): Promise<void> {
    for (const release of this.releases.splice(0)) await release();
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
  base(request: BaseRequest): Promise<BaseImage> {
    return findBase(this.parts.images, request, {
      lease: (diffIds) => this.lease(diffIds),
      onEnd: (release) => void this.releases.push(release),
    });
  }

  /** The configuration of a base image; its layers stay where they are. @throws as `base` */
  configOf(request: BaseRequest): Promise<ImageConfig> {
    return findBaseConfig(this.parts.images, request);
  }

  /** WORKDIR. */
  folder(
    from: Snapshot,
    path: string,
    vertex: StepOptions['vertex'],
    options: Omit<StepOptions, 'vertex'> & { time: Date | undefined },
  ): Promise<Snapshot> {
    const make = () => this.parts.steps.makeFolder(from.diffIds, path, options.signal, options.time);
    return this.cached.step(from, hash(['WORKDIR', path]), `WORKDIR ${path}`, { ...options, vertex }, make);
  }

  /** COPY and ADD. */
  copy(from: Snapshot, options: CopyOptions): Promise<Snapshot> {
    const make = () => copyLayer(this.parts.steps, from.diffIds, options);
    return this.cached.step(from, copyKey(options), `COPY ${options.target}`, options, make);
  }

  /** RUN. @throws BerthError with BuildKit's text for another exit code than 0. */
  run(from: Snapshot, options: RunOptions): Promise<Snapshot> {
    const make = () => runLayer(this.parts.worker, from.diffIds, options);
    return this.cached.step(from, runKey(options), `RUN ${options.shown.join(' ')}`, options, make);
  }

  /** A look into a snapshot's root. */
  look<T>(snapshot: Snapshot, use: (archive: Archive) => Promise<T>): Promise<T> {
    return this.parts.steps.withRoot(snapshot.diffIds, use);
  }

  /** Puts on disk what a RUN mounts. */
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
    this.lease([layer.diffId]);
    return layer.diffId;
  }

  /** The root as a tar (exporters). */
  async tar(snapshot: Snapshot, use: (tar: Readable) => Promise<void>): Promise<void> {
    await this.look(snapshot, async (archive) => use(await archive.export()));
  }
}
