import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Containers } from '../containers/face.ts';
import { BerthError, invalidParameter } from '../errors.ts';
import type { Events } from '../events/face.ts';
import type { Images, Progress } from '../images/face.ts';
import { splitReference } from '../images/index.ts';
import type { Layers } from '../layers/face.ts';
import { decompressed } from '../layers/index.ts';
import type { Store } from '../store/face.ts';
import { BuildCache } from './cache.ts';
import { ClassicBuild } from './classic.ts';
import { parseDockerfile } from './dockerfile/parse.ts';
import type { Builder, BuildOptions, CacheRecord } from './face.ts';
import { ignoreFilter } from './ignore.ts';
import { remoteContext } from './remote.ts';
import { RunFailed } from './steps.ts';
import { Tree } from './tree.ts';

export type * from './face.ts';

/** Opens the build room. `root` is its folder: contexts stand there while they are built. */
export async function openBuilder(options: {
  root: string;
  store: Store;
  images: Images;
  layers: Layers;
  containers: Containers;
  events: Events;
}): Promise<Builder> {
  // What an interrupted build left is nobody's.
  await rm(options.root, { recursive: true, force: true });
  await mkdir(options.root, { recursive: true, mode: 0o700 });
  return new BuilderRoom(options);
}

type Parts = Parameters<typeof openBuilder>[0];

class BuilderRoom implements Builder {
  private readonly parts: Parts;
  private readonly records: BuildCache;

  constructor(parts: Parts) {
    this.parts = parts;
    this.records = new BuildCache(parts.store, parts.images);
  }

  async build(tar: Readable, options: BuildOptions, begun: () => (line: Progress) => void): Promise<string> {
    const tags = options.tags.map((tag) => splitReference(tag));
    const folder = await mkdtemp(join(this.parts.root, 'context-'));
    let context: Tree | undefined;
    try {
      context = await Tree.create(join(folder, 'pack'));
      await this.fill(context, tar, folder, options);
      const path = await dockerfilePath(context, options.dockerfile);
      const text = (await context.readAll(context.entries.get(path)!)).toString();
      if (text.trim() === '')
        throw invalidParameter(`the Dockerfile (${options.dockerfile}) cannot be empty`);
      const dockerfile = parseDockerfile(text);
      await dropIgnored(context, path);
      const build = new ClassicBuild(
        { ...this.parts, cache: this.records },
        dockerfile,
        context,
        folder,
        options,
      );
      const send = begun();
      const id = await this.finish(build, send, tags, options);
      return id;
    } finally {
      await context?.close();
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async finish(
    build: ClassicBuild,
    send: (line: Progress) => void,
    tags: Array<{ repository: string; tag: string }>,
    options: BuildOptions,
  ): Promise<string> {
    try {
      const id = await build.run(send);
      for (const { repository, tag } of tags) {
        this.parts.images.tag(id, repository, tag);
        if (!options.quiet) send({ stream: `Successfully tagged ${repository}:${tag}\n` });
      }
      await this.parts.store.flush();
      if (options.quiet) send({ stream: `${id}\n` });
      return id;
    } catch (error) {
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
    await remoteContext(options.remote, context, folder, options);
  }

  cache(): CacheRecord[] {
    return this.records.list();
  }

  async prune(options: {
    filters: Record<string, string[]>;
    all: boolean;
    keepStorage: number;
  }): Promise<{ CachesDeleted: string[]; SpaceReclaimed: number }> {
    const known = new Set(['until', 'id', 'unused-for', 'type', 'description', 'inuse', 'shared', 'private']);
    for (const name of Object.keys(options.filters))
      if (!known.has(name)) throw invalidParameter(`invalid filter '${name}'`);
    const until = options.filters['until']?.[0] ?? options.filters['unused-for']?.[0];
    const limit = until === undefined ? Number.POSITIVE_INFINITY : Date.now() - durationMs(until);
    const ids = options.filters['id'];
    const gone = this.records.prune(
      (record) => Date.parse(record.LastUsedAt) > limit || (ids !== undefined && !ids.includes(record.ID)),
    );
    return { CachesDeleted: gone, SpaceReclaimed: 0 };
  }
}

function durationMs(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3 };
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text))
    throw invalidParameter(`invalid until filter: time: invalid duration "${text}"`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(amount) * units[unit!]!;
  return total;
}

/** The Dockerfile's path in the context; lower case where the usual name is missing. @throws invalid-parameter. */
async function dockerfilePath(context: Tree, name: string): Promise<string> {
  for (const candidate of name === 'Dockerfile' ? [name, 'dockerfile'] : [name]) {
    const resolved = context.resolve(candidate);
    if (resolved?.escapes)
      throw invalidParameter(
        `failed to read dockerfile: forbidden path outside the build context: ${name} ()`,
      );
    if (resolved && context.entries.get(resolved.path)?.type === 'file') return resolved.path;
  }
  throw invalidParameter(`Cannot locate specified Dockerfile: ${name}`);
}

/** A client sends the Dockerfile and .dockerignore even where they are ignored: then no COPY sees them. */
async function dropIgnored(context: Tree, dockerfile: string): Promise<void> {
  const entry = context.entries.get('.dockerignore');
  if (entry?.type !== 'file') return;
  const ignored = ignoreFilter((await context.readAll(entry)).toString());
  for (const path of ['.dockerignore', dockerfile]) if (ignored(path)) context.remove(path);
}
