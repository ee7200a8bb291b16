import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { BerthError } from '../../base/errors.ts';
import { ignoreFilter } from '../../dockerfile/ignore.ts';
import { decompressed } from '../../layers/index.ts';
import { addRepository, FetchFailed, looksLikeTar } from '../add.ts';
import { isGit } from '../git.ts';
import { RemoteFailed, remoteContext } from '../remote.ts';
import type { Stage } from '../stages.ts';
import { Tree } from '../tree/tree.ts';
import { clientFolder, type Folder } from './folder.ts';
import { collect } from './instructions.ts';
import type { FrontendOptions } from './options.ts';
import type { Vertex } from './progress/progress.ts';
import type { Session } from './session/session.ts';

/** A Dockerfile as it was read. */
export interface Definition {
  /** Undefined: there is none of that name. */
  text: string | undefined;
  /** What errors call it, where that is not its name. */
  shown?: string;
  /** Shows the reading. */
  vertex: Vertex;
}

/** The files a build is made from: those of the client or of a remote place, each fetched when it is needed first. */
export class BuildContext {
  /** The stages that will be built; only the files of the context that they name are fetched. */
  stages: Stage[] = [];
  private readonly options: FrontendOptions;
  private readonly attributes: Record<string, string>;
  private dockerfile: Promise<Definition> | undefined;
  private ignoreLoaded: Promise<string> | undefined;
  /** The text of a `<Dockerfile>.dockerignore`. */
  private ownIgnore: string | undefined;
  private contextFolder: Promise<Folder> | undefined;
  private readonly namedTrees = new Map<string, Promise<Tree>>();
  private uploaded: Tree | undefined;
  /** Every tree of the build, closed with it. */
  readonly trees: Tree[] = [];
  /** Done when the context is closed. */
  private readonly closing: Array<() => void> = [];

  constructor(options: FrontendOptions) {
    this.options = options;
    this.attributes = options.attributes;
  }

  /** True when all of it came at once, and no more has to be asked for. */
  get whole(): boolean {
    return this.uploaded !== undefined;
  }

  /** Lets go of all trees. */
  async close(): Promise<void> {
    for (const work of this.closing.splice(0)) work();
    for (const tree of this.trees) await tree.close();
  }

  /** A tree that lasts as long as the build. */
  async newTree(): Promise<Tree> {
    const tree = await Tree.create(posix.join(this.options.folder, `tree-${this.trees.length}`));
    this.trees.push(tree);
    return tree;
  }

  /** The Dockerfile, read once. */
  definition(name: string): Promise<Definition> {
    const remote = this.attributes['context'] ?? '';
    const inContext = remote !== '' && !this.options.fill && !this.attributes['dockerfilekey'];
    this.dockerfile ??= inContext ? this.readRemote(remote, name) : this.readNamed(remote, name);
    return this.dockerfile;
  }

  private readNamed(remote: string, name: string): Promise<Definition> {
    return this.options.progress.step(
      `[internal] load build definition from ${posix.basename(name)}`,
      async (vertex) => ({ text: await this.readDockerfile(remote, name, vertex), vertex }),
    );
  }

  /** A Dockerfile that is in a context from elsewhere: with the context, in one step. */
  private async readRemote(remote: string, name: string): Promise<Definition> {
    const { progress } = this.options;
    const git = isGit(remote);
    const title = git ? `load git source ${remote}` : 'load remote build context';
    const { tree, lone, vertex } = await progress
      .step(`[internal] ${title}`, async (vertex) => {
        const tree = await this.newTree();
        return { tree, lone: await this.bring(remote, name, tree, vertex), vertex };
      })
      .catch((error: Error) => Promise.reject(notRead(error, git)));
    this.uploaded = tree;
    if (!git && !lone) progress.vertex('copy /context /').start().done();
    return { text: await textIn(tree, name), vertex, ...(lone && { shown: 'context' }) };
  }

  /** Puts a context from elsewhere into a tree. Returns true when it is no more than a Dockerfile. */
  private async bring(remote: string, name: string, tree: Tree, vertex: Vertex): Promise<boolean> {
    const { session, signal, folder, solver } = this.options;
    if (remote.startsWith('http://buildkit-session/')) return this.readUpload(session, remote, tree, name);
    try {
      if (!isGit(remote))
        return await remoteContext(remote, tree, folder, { dockerfile: name, signal, fetch: solver.fetch });
      vertex.log(await addRepository(remote, tree, folder, signal, false));
      return false;
    } catch (error) {
      if (!(error instanceof RemoteFailed || error instanceof FetchFailed)) throw error;
      throw new BerthError('system', error.buildKit, { cause: error });
    }
  }

  private async readDockerfile(remote: string, name: string, vertex: Vertex): Promise<string | undefined> {
    const { session, signal, fill } = this.options;
    if (remote !== '' || fill) {
      const tree = await this.newTree();
      if (fill) await fill(tree);
      else await this.bring(remote, name, tree, vertex);
      this.uploaded = tree;
      if (!this.attributes['dockerfilekey']) return textIn(tree, name);
    }
    const tree = await this.newTree();
    const key = this.attributes['dockerfilekey'] ?? 'dockerfile';
    const received = session.files(tree, {
      name: key,
      follow: [name, `${name}.dockerignore`],
      signal,
      onBytes: (total) => vertex.status(`transferring ${key}:`, total),
      onEnd: (total) => vertex.status(`transferring ${key}:`, total, 0, true),
    });
    await received.catch((error: Error) => {
      if (!(error instanceof BerthError) || signal.aborted) throw error;
      throw new BerthError(error.kind, `failed to read dockerfile: ${error.message}`, { cause: error });
    });
    const found = tree.resolve(name) ?? (name === 'Dockerfile' ? tree.resolve('dockerfile') : null);
    const entry = found && tree.entries.get(found.path);
    if (entry?.type !== 'file') return undefined;
    const ignore = tree.entries.get(`${name}.dockerignore`);
    if (ignore?.type === 'file') this.ownIgnore = (await tree.readAll(ignore)).toString();
    return (await tree.readAll(entry)).toString();
  }

  private async readUpload(session: Session, url: string, tree: Tree, name: string): Promise<boolean> {
    const chunks: Buffer[] = [];
    for await (const chunk of session.upload(url)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const plain = await collect(await decompressed(Readable.from([bytes]))).catch(() => bytes);
    const lone = !looksLikeTar(plain);
    if (!lone) await tree.addTar(Readable.from([plain]));
    else
      await tree.addStream(name, Readable.from([bytes]), {
        size: bytes.length,
        mode: 0o644,
        mtime: new Date(0),
      });
    return lone;
  }

  /** The context, asked for once, when the first step needs it. */
  folder(): Promise<Folder> {
    this.contextFolder ??= this.loadContext();
    return this.contextFolder;
  }

  /** The context's files. */
  async files(): Promise<Tree> {
    return (await this.folder()).files();
  }

  /** The text of the .dockerignore; '' without one. */
  ignoreText(): Promise<string> {
    this.ignoreLoaded ??= this.readIgnore(this.attributes['contextkey'] ?? 'context', '[internal]');
    return this.ignoreLoaded;
  }

  private readIgnore(key: string, label: string): Promise<string> {
    const { session, progress, signal } = this.options;
    return progress.step(`${label} load .dockerignore`, async (vertex) => {
      if (label === '[internal]' && this.ownIgnore !== undefined) return this.ownIgnore;
      const tree = await this.newTree();
      await session.files(tree, {
        name: key,
        follow: ['.dockerignore'],
        include: ['.dockerignore'],
        signal,
        onEnd: (total) => vertex.status(`transferring ${key}:`, total, 0, true),
      });
      const entry = tree.entries.get('.dockerignore');
      return entry?.type === 'file' ? (await tree.readAll(entry)).toString() : '';
    });
  }

  /** A folder of the client's (`--build-context name=folder`), fetched once; undefined when that is none of that name. */
  named(name: string): Promise<Tree> | undefined {
    const given = this.attributes[`context:${name}`] ?? '';
    if (!/^(local|input):/.test(given)) return undefined;
    let tree = this.namedTrees.get(name);
    if (!tree) {
      tree = this.readFolder(given.slice(given.indexOf(':') + 1), `[context ${name}]`);
      this.namedTrees.set(name, tree);
    }
    return tree;
  }

  private async readFolder(key: string, label: string): Promise<Tree> {
    const ignoreText = await this.readIgnore(key, label);
    return (await this.transfer(key, `${label} load from client`, ignoreText, null)).files();
  }

  private async loadContext(): Promise<Folder> {
    const { uploaded } = this;
    if (uploaded) {
      const ignore = uploaded.entries.get('.dockerignore');
      if (ignore?.type === 'file') {
        const ignored = ignoreFilter((await uploaded.readAll(ignore)).toString());
        await uploaded.removeAll(ignored);
      }
      return { files: async () => uploaded };
    }
    const key = this.attributes['contextkey'] ?? 'context';
    return this.transfer(key, '[internal] load build context', await this.ignoreText(), this.neededPaths());
  }

  /** Fetches a folder of the client's: what `follow` names, or all, but for what is ignored. */
  private transfer(key: string, title: string, ignoreText: string, follow: string[] | null): Promise<Folder> {
    return clientFolder(this.options, {
      key,
      title,
      ignoreText,
      follow,
      newTree: () => this.newTree(),
      onClose: (work) => this.closing.push(work),
    });
  }

  /** The context paths that COPY, ADD and bind mounts name; null when all of it may be needed. */
  private neededPaths(): string[] | null {
    const needed = new Set<string>();
    for (const stage of this.stages) {
      for (const instruction of stage.instructions) {
        if (instruction.name === 'RUN') {
          if (
            instruction.flags.some(
              ({ name, value }) =>
                name === 'mount' && (!value.includes('type=') || value.includes('type=bind')),
            )
          )
            return null;
        }
        if (instruction.name === 'ONBUILD') continue;
        if (instruction.name !== 'COPY' && instruction.name !== 'ADD') continue;
        if (instruction.flags.some(({ name }) => name === 'from')) continue;
        for (const word of instruction.args.slice(0, -1)) {
          if (/[$"'\\]/.test(word)) return null;
          if (word.startsWith('<<') || /^(https?:|git@)/.test(word)) continue;
          const clean = posix.normalize(`/${word}`).slice(1).replace(/\/$/, '');
          if (clean === '') return null;
          needed.add(clean);
        }
      }
    }
    // A base image may bring triggers that copy: then everything is asked for.
    return needed.size > 0 ? [...needed] : null;
  }
}

/** The text of a file in a tree; undefined without one. */
async function textIn(tree: Tree, name: string): Promise<string | undefined> {
  const found = tree.resolve(name);
  const entry = found && tree.entries.get(found.path);
  return entry?.type === 'file' ? (await tree.readAll(entry)).toString() : undefined;
}

/** The error of a build whose context could not be had, in BuildKit's words. */
function notRead(error: Error, git: boolean): Error {
  if (!(error instanceof BerthError)) return error;
  const loading = git && error.message.startsWith('invalid') ? '' : 'failed to load cache key: ';
  return new BerthError(
    error.kind,
    `failed to read ${git ? 'dockerfile' : 'downloaded context'}: ${loading}${error.message}`,
    { cause: error },
  );
}
