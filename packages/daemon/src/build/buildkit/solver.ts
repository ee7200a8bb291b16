import { createHash } from 'node:crypto';
import { chmod, chown, cp, mkdir, writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { BerthError } from '../../errors.ts';
import type { ImageConfig, ImageRunConfig, Images } from '../../images/face.ts';
import { fullReference } from '../../images/index.ts';
import type { Archive, Layer, Layers } from '../../layers/face.ts';
import type { Collection } from '../../store/face.ts';
import { copyTar, findSources, readFrom, type Source } from '../copy.ts';
import type { Steps } from '../steps.ts';
import { Tree } from '../tree.ts';
import type { Worker, WorkerMount } from '../worker.ts';
import { lockCache } from './locks.ts';
import type { Mounts } from './mounts.ts';
import type { Progress, Vertex } from './progress.ts';
import type { Session } from './session.ts';
import { sourceError } from './source-errors.ts';
import { forwardAgent, hasAgent } from './ssh.ts';

/** A root made of layers, and what identifies the way it was made to the cache. */
export interface Snapshot {
  diffIds: string[];
  key: string;
  /** The last step changed nothing: history says `empty_layer`. */
  lastEmpty: boolean;
  /** When its last step was done: the same for everyone who takes it from the cache. */
  created?: string;
}

/** What a step gave, by its key. */
export interface CachedStep {
  /** null: nothing changed. */
  diffId: string | null;
  size: number;
  description: string;
  created: string;
  used: string;
  count: number;
}

export interface PreparedMounts {
  mounts: WorkerMount[];
  env: string[];
  /** What identifies the mounted content. */
  key: string;
  release(): Promise<void>;
}

const emptyTar = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';
const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

export interface SolverParts {
  images: Images;
  layers: Layers;
  steps: Steps;
  worker: Worker;
  cache: Collection<CachedStep>;
  /** Where cache mounts live. */
  cacheFolder: string;
  /** A step was remembered: its layer must stay. */
  onCached: (diffId: string) => void;
  hostPlatform: { os: string; architecture: string; variant?: string };
}

interface StepOptions {
  vertex: Vertex;
  cache: boolean;
  signal: AbortSignal;
}

/** Does the steps, each at most once at a time, and remembers what they gave. */
export class Solver {
  private readonly parts: SolverParts;
  private readonly running = new Map<string, Promise<CachedStep>>();
  /** Layers that this build needs until its image is registered. */
  private readonly held: Array<() => Promise<void>> = [];

  constructor(parts: SolverParts) {
    this.parts = parts;
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
    return { diffIds: [], key: hash('scratch'), lastEmpty: true };
  }

  /** A base image: the local one where it may serve, else from its registry, without naming it here. */
  async base(options: {
    reference: string;
    platform: string;
    resolveMode: string;
    /** What the step of the progress is headed with. */
    label: string;
    session: Session;
    progress: Progress;
    signal: AbortSignal;
  }): Promise<{ snapshot: Snapshot; config: ImageConfig; name: string; local: boolean }> {
    const { reference, platform, session, progress, signal } = options;
    const { images } = this.parts;
    const full = fullReference(reference);
    const title = `${options.label} load metadata for ${options.label === '[internal]' ? full : reference}`;
    if (options.resolveMode !== 'pull') {
      try {
        const image = images.resolve(reference, platform ? { platform } : {});
        progress.vertex(title).start().done();
        this.hold(image.config.rootfs.diff_ids);
        return {
          snapshot: {
            diffIds: image.config.rootfs.diff_ids,
            key: hash(['base', image.config.rootfs.diff_ids]),
            lastEmpty: true,
          },
          config: image.config,
          name: full,
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
        },
        config: fetched.config,
        name: full,
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
    const apply = (entry: CachedStep): Snapshot => ({
      diffIds: entry.diffId === null ? from.diffIds : [...from.diffIds, entry.diffId],
      key: full,
      lastEmpty: entry.diffId === null,
      created: entry.created,
    });
    options.vertex.start();
    if (options.cache) {
      const known = cache.get(full);
      if (known && (known.diffId === null || layers.has(known.diffId))) {
        if (known.diffId !== null) this.hold([known.diffId]);
        cache.put(full, { ...known, used: new Date().toISOString(), count: known.count + 1 });
        options.vertex.done({ cached: true });
        return apply(known);
      }
    }
    try {
      let running = options.cache ? this.running.get(full) : undefined;
      if (!running) {
        running = (async () => {
          const layer = await make();
          const empty = layer === null || layer.diffId === emptyTar;
          if (!empty) this.hold([layer.diffId]);
          const now = new Date().toISOString();
          const entry: CachedStep = {
            diffId: empty ? null : layer.diffId,
            size: empty ? 0 : layer.size,
            description,
            created: now,
            used: now,
            count: 1,
          };
          cache.put(full, entry);
          if (entry.diffId !== null) this.parts.onCached(entry.diffId);
          return entry;
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

  /** WORKDIR. */
  folder(
    from: Snapshot,
    path: string,
    vertex: Vertex,
    options: Omit<StepOptions, 'vertex'>,
  ): Promise<Snapshot> {
    return this.step(from, hash(['WORKDIR', path]), `WORKDIR ${path}`, { ...options, vertex }, () =>
      this.parts.steps.makeFolder(from.diffIds, path, options.signal),
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
          { ...owner, ...(options.mode === undefined ? {} : { mode: options.mode }) },
          options.keepOwners,
        );
        await archive.put('/', tar, {
          noOverwriteDirNonDir: false,
          copyUIDGID: false,
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
        // What cannot be started fails as a command would that said so.
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
  async mounts(
    wanted: Mounts[],
    from: {
      session: Session;
      context: () => Promise<Tree>;
      stage: (name: string) => Promise<Snapshot>;
      folder: string;
      signal: AbortSignal;
    },
  ): Promise<PreparedMounts> {
    const prepared: PreparedMounts = { mounts: [], env: [], key: '', release: async () => undefined };
    const owners: string[] = [];
    const closing: Array<() => Promise<void>> = [];
    const keys: unknown[] = [];
    const { layers } = this.parts;
    prepared.release = async () => {
      for (const close of closing) await close();
      for (const owner of owners) await layers.removeWritable(owner);
    };
    try {
      for (const [index, mount] of wanted.entries()) {
        switch (mount.type) {
          case 'tmpfs':
            keys.push(['tmpfs', mount.target, mount.size]);
            prepared.mounts.push({
              destination: mount.target,
              readonly: false,
              tmpfsOptions: mount.size ? [`size=${mount.size}`] : [],
            });
            break;
          case 'cache': {
            const origin = mount.from === '' ? null : await from.stage(mount.from);
            const id = hash([
              mount.id || mount.target,
              mount.sharing === 'private' ? from.folder : '',
              ...(origin ? [origin.key, mount.source] : []),
            ]);
            const path = posix.join(this.parts.cacheFolder, id);
            await mkdir(this.parts.cacheFolder, { recursive: true, mode: 0o700 });
            const fresh = await mkdir(path, { recursive: true, mode: mount.mode });
            if (fresh !== undefined) {
              await chmod(path, mount.mode);
              await chown(path, mount.uid, mount.gid);
              if (origin) await this.fill(path, origin, mount.source, from);
            }
            if (mount.sharing === 'locked') closing.push(await lockCache(id, from.signal));
            keys.push(['cache', mount.id, mount.target]);
            prepared.mounts.push({ source: path, destination: mount.target, readonly: mount.readonly });
            break;
          }
          case 'secret': {
            const bytes = await from.session.secret(mount.id);
            keys.push(['secret', mount.id, mount.target]);
            if (bytes === undefined) {
              if (mount.required) throw new BerthError('not-found', `secret ${mount.id}: not found`);
              break;
            }
            if (mount.env !== '') prepared.env.push(`${mount.env}=${bytes.toString()}`);
            if (mount.target === '') break;
            const path = posix.join(from.folder, `secret-${hash([index, Math.random()]).slice(0, 16)}`);
            await writeFile(path, bytes, { mode: 0o600, flag: 'wx' });
            await chmod(path, mount.mode);
            await chown(path, mount.uid, mount.gid);
            prepared.mounts.push({ source: path, destination: mount.target, readonly: true });
            break;
          }
          case 'ssh': {
            keys.push(['ssh', mount.id, mount.target]);
            if (!(await hasAgent(from.session, mount.id))) {
              if (mount.required) throw new BerthError('not-found', `unset ssh forward key ${mount.id}`);
              break;
            }
            const agent = await forwardAgent(from.session, mount, from.folder);
            closing.push(agent.close);
            prepared.env.push(`SSH_AUTH_SOCK=${mount.target}`);
            prepared.mounts.push({ source: agent.path, destination: mount.target, readonly: false });
            break;
          }
          default: {
            const owner = createHash('sha256')
              .update(`${Math.random()}${index}${mount.target}`)
              .digest('hex');
            await layers.createWritable(owner, []);
            owners.push(owner);
            const tree = await Tree.create(posix.join(from.folder, `mount-${owner.slice(0, 16)}`));
            try {
              const source =
                mount.from === ''
                  ? await contextSource(await from.context(), mount.source)
                  : await this.stageSource(await from.stage(mount.from), mount.source, tree);
              keys.push(['bind', source.tree.digest(source.path), mount.target]);
              const entry = source.tree.entries.get(source.path);
              const single = source.path !== '' && entry?.type !== 'directory';
              const archive = layers.archive(owner, {});
              const tar = await copyTar([source], single ? '/file' : '/', archive, {}, true);
              await archive.put('/', tar, {
                noOverwriteDirNonDir: false,
                copyUIDGID: false,
                signal: from.signal,
              });
              const { upper } = layers.rootFilesystem(owner);
              prepared.mounts.push({
                source: single ? posix.join(upper, 'file') : upper,
                destination: mount.target,
                readonly: mount.readonly,
              });
            } finally {
              await tree.close();
            }
          }
        }
      }
    } catch (error) {
      await prepared.release();
      throw error;
    }
    prepared.key = hash(keys);
    return prepared;
  }

  /** Gives a new cache folder what stands in a folder of an image or stage (`from=`, `source=`). */
  private async fill(
    path: string,
    origin: Snapshot,
    source: string,
    { folder, signal }: { folder: string; signal: AbortSignal },
  ): Promise<void> {
    const { layers } = this.parts;
    const owner = createHash('sha256').update(`${Math.random()}${path}`).digest('hex');
    const tree = await Tree.create(posix.join(folder, `fill-${owner.slice(0, 16)}`));
    await layers.createWritable(owner, []);
    try {
      const found = await this.stageSource(origin, source, tree);
      const archive = layers.archive(owner, {});
      const tar = await copyTar([found], '/', archive, {}, true);
      await archive.put('/', tar, { noOverwriteDirNonDir: false, copyUIDGID: false, signal });
      await cp(layers.rootFilesystem(owner).upper, path, { recursive: true, verbatimSymlinks: true });
    } finally {
      await tree.close();
      await layers.removeWritable(owner);
    }
  }

  private async stageSource(snapshot: Snapshot, source: string, tree: Tree): Promise<Source> {
    const [found] = await this.look(snapshot, (archive) => readFrom(archive, tree, source || '/'));
    return found!;
  }

  /** The root as a tar (exporters). */
  async tar(snapshot: Snapshot, use: (tar: Readable) => Promise<void>): Promise<void> {
    await this.look(snapshot, async (archive) => use(await archive.export()));
  }

  /** An empty archive, for results without layers. */
  static emptyTar(): Readable {
    const out = pack();
    out.finalize();
    return out as unknown as Readable;
  }
}

async function contextSource(context: Tree, source: string): Promise<Source> {
  const [found] = findSources(context, source || '/', 'RUN --mount', false);
  return found!;
}
