import { createHash, randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { BerthError } from '../../../base/errors.ts';
import type { Mounts } from '../../../dockerfile/mounts.ts';
import type { Archive, Layers } from '../../../layers/api.ts';
import { copyTar, findSources, readFrom, type Source } from '../../copy.ts';
import { Tree } from '../../tree/tree.ts';
import type { WorkerMount } from '../../worker.ts';
import { hash } from '../hash.ts';
import type { Session } from '../session/session.ts';
import { forwardAgent, hasAgent } from '../session/ssh.ts';
import { takeCache } from './locks.ts';
import type { Snapshot } from './snapshot.ts';

/** The mounts of a RUN, prepared on disk. */
export interface PreparedMounts {
  mounts: WorkerMount[];
  env: string[];
  /** The cache key of the mounted content. */
  key: string;
  release(): Promise<void>;
}

/** A cache mount is to begin with what its image or stage does not have. */
export class MissingInCache extends Error {}

/** The sources of a RUN's mounts. */
export interface MountSources {
  session: Session;
  context: () => Promise<Tree>;
  stage: (name: string) => Promise<Snapshot>;
  /** A folder of the client's by that name; undefined when there is none. */
  named: (name: string) => Promise<Tree> | undefined;
  folder: string;
  /** `--no-cache`: caches begin empty, once for a build. */
  fresh: boolean;
  signal: AbortSignal;
}

/** The parts of the build that make mounts. */
interface MountParts {
  layers: Layers;
  /** The folder of cache mounts. */
  cacheFolder: string;
  /** The caches that this build has begun anew. */
  emptied: Set<string>;
  look<T>(snapshot: Snapshot, use: (archive: Archive) => Promise<T>): Promise<T>;
}

/** Puts what a RUN mounts on disk. */
export async function prepareMounts(
  parts: MountParts,
  wanted: Mounts[],
  program: { path: string; text: string } | undefined,
  from: MountSources,
): Promise<PreparedMounts> {
  const preparation = new Preparation(parts, from);
  try {
    if (program) await preparation.addProgram(program.path, program.text);
    for (const [index, mount] of wanted.entries()) await preparation.add(mount, index);
  } catch (error) {
    await preparation.release();
    throw error;
  }
  return preparation.result();
}

/** The mounts of one RUN while they are made. */
class Preparation {
  private readonly parts: MountParts;
  private readonly from: MountSources;
  private readonly mounts: WorkerMount[] = [];
  private readonly env: string[] = [];
  private readonly keys: unknown[] = [];
  private readonly owners: string[] = [];
  private readonly closing: Array<() => Promise<void>> = [];

  constructor(parts: MountParts, from: MountSources) {
    this.parts = parts;
    this.from = from;
  }

  result(): PreparedMounts {
    const { mounts, env } = this;
    return { mounts, env, key: hash(this.keys), release: () => this.release() };
  }

  async release(): Promise<void> {
    for (const close of this.closing) await close();
    for (const owner of this.owners) await this.parts.layers.removeWritable(owner);
  }

  async add(mount: Mounts, index: number): Promise<void> {
    switch (mount.type) {
      case 'tmpfs':
        this.keys.push(['tmpfs', mount.target, mount.size]);
        this.mounts.push({
          destination: mount.target,
          readonly: false,
          tmpfsOptions: mount.size ? [`size=${mount.size}`] : [],
        });
        return;
      case 'cache':
        return this.addCache(mount);
      case 'secret':
        return this.addSecret(mount, index);
      case 'ssh':
        return this.addAgent(mount);
      default:
        return this.addBind(mount, index);
    }
  }

  /** A here-document that is the step's command. */
  async addProgram(path: string, text: string): Promise<void> {
    this.keys.push(['program', path, text]);
    const source = posix.join(this.from.folder, `program-${randomUUID()}`);
    await writeFile(source, text, { mode: 0o755, flag: 'wx' });
    await chmod(source, 0o755);
    this.mounts.push({ source, destination: path, readonly: true });
  }

  private async addCache(mount: Mounts): Promise<void> {
    const { from } = this;
    const { cacheFolder } = this.parts;
    const origin = mount.from === '' ? null : await from.stage(mount.from);
    // A mode or owner makes an empty folder of its own to begin with, but where a folder is named by `source`.
    const dressed = posix.resolve('/', mount.source) === '/' ? mount.attributes : undefined;
    const id = hash([
      mount.id || mount.target,
      ...(origin ? [origin.key, mount.source] : []),
      ...(dressed ? [dressed.mode, dressed.uid, dressed.gid] : []),
    ]);
    const fresh = from.fresh && !this.parts.emptied.has(id);
    const taken = await takeCache(id, mount.sharing, fresh, from.signal);
    this.closing.push(taken.release);
    this.parts.emptied.add(id);
    const path = posix.join(cacheFolder, taken.name);
    if (fresh && taken.alone) await this.parts.layers.trees.remove(path);
    await mkdir(cacheFolder, { recursive: true, mode: 0o700 });
    const { mode, uid, gid } = dressed ?? { mode: 0o755, uid: 0, gid: 0 };
    const made = await mkdir(path, { recursive: true, mode });
    if (made !== undefined) {
      await chmod(path, mode);
      await chown(path, uid, gid);
      if (origin && !dressed)
        await this.fill(path, origin, mount.source).catch(async (error) => {
          // The next build is not to find an empty one.
          await this.parts.layers.trees.remove(path);
          throw error;
        });
    }
    this.keys.push(['cache', mount.id, mount.target]);
    this.mounts.push({ source: path, destination: mount.target, readonly: mount.readonly });
  }

  private async addSecret(mount: Mounts, index: number): Promise<void> {
    const { session, folder } = this.from;
    const bytes = await session.secret(mount.id);
    this.keys.push(['secret', mount.id, mount.target]);
    if (bytes === undefined) {
      if (mount.required) throw new BerthError('not-found', `secret ${mount.id}: not found`);
      return;
    }
    if (mount.env !== '') this.env.push(`${mount.env}=${bytes.toString()}`);
    if (mount.target === '') return;
    const path = posix.join(folder, `secret-${hash([index, Math.random()]).slice(0, 16)}`);
    await writeFile(path, bytes, { mode: 0o600, flag: 'wx' });
    await chmod(path, mount.mode);
    await chown(path, mount.uid, mount.gid);
    this.mounts.push({ source: path, destination: mount.target, readonly: true });
  }

  private async addAgent(mount: Mounts): Promise<void> {
    const { session, folder } = this.from;
    this.keys.push(['ssh', mount.id, mount.target]);
    if (!(await hasAgent(session, mount.id))) {
      if (mount.required) throw new BerthError('not-found', `unset ssh forward key ${mount.id}`);
      return;
    }
    const agent = await forwardAgent(session, mount, folder);
    this.closing.push(agent.close);
    this.env.push(`SSH_AUTH_SOCK=${mount.target}`);
    this.mounts.push({ source: agent.path, destination: mount.target, readonly: false });
  }

  private async addBind(mount: Mounts, index: number): Promise<void> {
    const { from } = this;
    const { layers } = this.parts;
    const owner = createHash('sha256').update(`${Math.random()}${index}${mount.target}`).digest('hex');
    await layers.createWritable(owner, []);
    this.owners.push(owner);
    const tree = await Tree.create(posix.join(from.folder, `mount-${owner.slice(0, 16)}`));
    try {
      const files = mount.from === '' ? from.context() : from.named(mount.from);
      const source = files
        ? await contextSource(await files, mount.source)
        : await this.stageSource(await from.stage(mount.from), mount.source, tree);
      this.keys.push(['bind', await source.tree.digest(source.path), mount.target]);
      const entry = source.tree.entries.get(source.path);
      const single = source.path !== '' && entry?.type !== 'directory';
      const archive = layers.archive(owner, {});
      const tar = await copyTar([source], single ? '/file' : '/', archive, {}, true);
      await archive.put('/', tar, {
        noOverwriteDirNonDir: false,
        signal: from.signal,
      });
      const { upper } = layers.rootFilesystem(owner);
      this.mounts.push({
        source: single ? posix.join(upper, 'file') : upper,
        destination: mount.target,
        readonly: mount.readonly,
      });
    } finally {
      await tree.close();
    }
  }

  /** Gives a new cache folder what stands in a folder of an image or stage (`from=`, `source=`). */
  private async fill(path: string, origin: Snapshot, source: string): Promise<void> {
    const { layers } = this.parts;
    const { folder, signal } = this.from;
    const owner = createHash('sha256').update(`${Math.random()}${path}`).digest('hex');
    const tree = await Tree.create(posix.join(folder, `fill-${owner.slice(0, 16)}`));
    await layers.createWritable(owner, []);
    try {
      const found = await this.stageSource(origin, source, tree).catch((error: Error) => {
        if (!/file does not exist/.test(error.message)) throw error;
        throw new MissingInCache(`open ${posix.resolve('/', source)}: no such file or directory`);
      });
      const archive = layers.archive(owner, {});
      const tar = await copyTar([found], '/', archive, {}, true);
      await archive.put('/', tar, { noOverwriteDirNonDir: false, signal });
      await layers.trees.clone(layers.rootFilesystem(owner).upper, path, { always: false, signal });
    } finally {
      await tree.close();
      await layers.removeWritable(owner);
    }
  }

  private async stageSource(snapshot: Snapshot, source: string, tree: Tree): Promise<Source> {
    const [found] = await this.parts.look(snapshot, (archive) => readFrom(archive, tree, source || '/'));
    return found!;
  }
}

async function contextSource(context: Tree, source: string): Promise<Source> {
  const [found] = await findSources(context, source || '/', 'RUN --mount', false);
  return found!;
}
