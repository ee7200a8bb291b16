import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { Launcher } from '@berth/native';
import { BerthError, invalidParameter, systemError } from '../base/errors.ts';
import { type Fetch, fetchThrough, type Proxies } from '../base/fetch.ts';
import type { Settings } from '../config/settings.ts';
import type { Containers } from '../containers/api.ts';
import type { Images, OnProgress, Progress } from '../images/api.ts';
import { parsePlatform, splitReference } from '../images/index.ts';
import type { Layers } from '../layers/api.ts';
import { decompressed } from '../layers/index.ts';
import type { Networks } from '../networks/api.ts';
import type { Runtime } from '../runtime/api.ts';
import type { Store } from '../store/api.ts';
import type { Builder, BuildOptions, CacheRecord, PruneOptions } from './api.ts';
import type { Control } from './buildkit/control.ts';
import type { BuildRecord } from './buildkit/history/records.ts';
import { Cache } from './cache.ts';
import { matchesRecord } from './cache-records.ts';
import { ClassicBuild } from './classic/build.ts';
import { dockerfilePath, dropIgnored, readDockerfile } from './context-dockerfile.ts';
import { grantable } from './entitlements.ts';
import { remoteContext } from './remote.ts';
import { RunFailed, Steps } from './steps.ts';
import { Tree } from './tree/tree.ts';
import { Worker } from './worker.ts';

export type * from './api.ts';

/** The dependencies that the room is opened with. */
export interface BuilderOptions {
  /** The room's folder: contexts stand there while they are built. */
  root: string;
  execRoot: string;
  version: string;
  store: Store;
  images: Images;
  layers: Layers;
  containers: Containers;
  launcher: Launcher;
  runtime: Runtime;
  networks: Networks;
  settings: Pick<Settings, 'builder'> & Proxies;
}

/** Opens the build room. */
export async function openBuilder(options: BuilderOptions): Promise<Builder> {
  const work = join(options.root, 'work');
  // The files of an interrupted build belong to nobody.
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  const worker = new Worker(options, join(options.root, 'steps'), join(options.execRoot, 'build'));
  await worker.reconcile();
  return new BuilderRoom(options, work, worker);
}

class BuilderRoom implements Builder {
  private readonly options: BuilderOptions;
  private readonly work: string;
  private readonly worker: Worker;
  private readonly fetch: Fetch;
  private readonly kept: Cache;
  private control: Promise<Control> | undefined;

  constructor(options: BuilderOptions, work: string, worker: Worker) {
    this.options = options;
    this.work = work;
    this.worker = worker;
    this.fetch = fetchThrough(options.settings);
    this.kept = new Cache(options);
  }

  /** BuildKit's services, loaded when a client first asks for them. */
  private buildKit(): Promise<Control> {
    if (this.control) return this.control;
    this.control = import('./buildkit/control.ts').then(
      ({ Control }) =>
        new Control({
          ...this.options,
          root: this.work,
          cache: this.kept.steps,
          history: this.options.store.collection<BuildRecord>('build_history'),
          historyFolder: join(this.options.root, 'history'),
          remembered: this.kept.remembered,
          cacheFolder: this.kept.mounts,
          steps: new Steps(this.options.layers, this.options.containers),
          worker: this.worker,
          fetch: this.fetch,
          onCached: (diffId, replaced) => this.kept.added(diffId, replaced),
          records: (filters) => this.kept.stepRecords().filter((record) => matchesRecord(record, filters)),
          prune: (options) => this.kept.forget(options),
          hostGateway: () => hostGateway(this.options.networks),
          grantable: grantable(this.options.settings.builder),
        }),
    );
    // A disk that was full is none later: the next client asks anew.
    this.control.catch(() => {
      this.control = undefined;
    });
    return this.control;
  }

  async ready(): Promise<void> {
    await this.buildKit();
  }

  async session(connection: Duplex, headers: IncomingHttpHeaders, methods: string[]): Promise<void> {
    await (await this.buildKit()).sessions.serve(connection, headers, methods);
  }

  async grpc(connection: Duplex): Promise<void> {
    await (await this.buildKit()).serve(connection);
  }

  async build(tar: Readable, options: BuildOptions, begun: () => OnProgress): Promise<string> {
    const tags = options.tags.map((tag) => {
      try {
        return splitReference(tag);
      } catch (error) {
        // The one place where dockerd takes a malformed name for its own fault.
        throw systemError((error as Error).message, error);
      }
    });
    if (options.platform !== '') parsePlatform(options.platform);
    if (options.buildKit) return this.buildUpload(tar, options, begun);
    const folder = await mkdtemp(join(this.work, 'context-'));
    let context: Tree | undefined;
    try {
      context = await Tree.create(join(folder, 'pack'));
      await this.fill(context, tar, folder, options);
      const path = await dockerfilePath(context, options.dockerfile);
      const text = (await context.readAll(context.entries.get(path)!)).toString();
      if (text === '') throw invalidParameter(`the Dockerfile (${options.dockerfile}) cannot be empty`);
      const dockerfile = await readDockerfile(text, options.dockerfile);
      await dropIgnored(context, path);
      const build = new ClassicBuild(
        { ...this.options, cache: this.kept.classic, fetch: this.fetch },
        dockerfile,
        context,
        folder,
        options,
      );
      let open: OnProgress | undefined;
      const send = (line: Progress) => {
        // The reply begins with the first line; an error before it is answered with a status.
        open ??= begun();
        return open(line);
      };
      try {
        return await this.finish(build, send, () => open !== undefined, tags, options);
      } finally {
        build.release();
      }
    } finally {
      await context?.close();
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async buildUpload(tar: Readable, options: BuildOptions, begun: () => OnProgress): Promise<string> {
    const control = await this.buildKit();
    const { buildUpload } = await import('./buildkit/session/upload.ts');
    const send = begun();
    try {
      const fill = async (tree: Tree) => tree.addTar(await decompressed(tar));
      return await buildUpload(control, options, options.tags, fill, send);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      send({ errorDetail: { message }, error: message });
      throw error;
    }
  }

  private async finish(
    build: ClassicBuild,
    send: OnProgress,
    hasBegun: () => boolean,
    tags: Array<{ repository: string; tag: string }>,
    options: BuildOptions,
  ): Promise<string> {
    try {
      const id = await build.run(send);
      await this.options.images.settle(id);
      for (const { repository, tag } of tags) {
        await this.options.images.tag(id, repository, tag);
        if (!options.quiet) send({ stream: `Successfully tagged ${repository}:${tag}\n` });
      }
      if (options.quiet) send({ stream: `${id}\n` });
      return id;
    } catch (error) {
      for (const stream of build.output.held) send({ stream });
      if (!hasBegun()) throw error;
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof RunFailed ? { code: error.exitCode } : {};
      send({ errorDetail: { ...code, message }, error: message });
      throw error instanceof BerthError ? error : new BerthError('system', message, { cause: error });
    }
  }

  /** Reads the context from the request's body or from where `remote` points. */
  private async fill(context: Tree, tar: Readable, folder: string, options: BuildOptions): Promise<void> {
    if (options.remote === '') {
      await context.addTar(await decompressed(tar));
      return;
    }
    await remoteContext(options.remote, context, folder, { ...options, fetch: this.fetch });
  }

  cache(): CacheRecord[] {
    return this.kept.list();
  }

  prune(options: PruneOptions): Promise<{ CachesDeleted: string[]; SpaceReclaimed: number }> {
    return this.kept.prune(options);
  }
}

/** The host's address on the default bridge; '' where there is none. */
function hostGateway(networks: Networks): string {
  try {
    const { IPAM } = networks.inspect('bridge') as { IPAM?: { Config?: Array<{ Gateway?: string }> } };
    return IPAM?.Config?.[0]?.Gateway ?? '';
  } catch {
    return '';
  }
}
