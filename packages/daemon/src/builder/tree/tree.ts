import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { Header } from 'tar-stream';
import { invalidParameter } from '../../base/errors.ts';
import { lowerBound } from '../../base/sorted.ts';
import { Slices } from '../../patterns/slices.ts';
import { blankEntry, checkLength, cleanPath, entryOf, type TreeEntry } from './entry.ts';
import { sortedInSlices } from './order.ts';
import { Pack, type Packed } from './pack.ts';
import { resolvePath } from './resolve.ts';
import { readTar } from './tar-entries.ts';

/** Bytes of a file that is read whole; BuildKit's messages hold as much. */
const MAX_TEXT = 16 << 20;

/**
 * The files of a build context (or of another image), held as an index in memory and one pack file of all bytes: no path
 * of the context is ever a path of the host, so there is nothing that a link in it could lead to.
 */
export class Tree {
  readonly entries = new Map<string, TreeEntry>();
  private readonly pack: Pack;
  /** Done when the tree is closed. */
  private readonly closing: Array<() => void> = [];
  /** All paths in order, until one comes or goes. */
  private order: readonly string[] | undefined;

  private constructor(pack: Pack) {
    this.pack = pack;
  }

  /** Opens an empty tree whose bytes go to `packPath` (made anew, unlinked by the caller with its folder). */
  static async create(packPath: string): Promise<Tree> {
    return new Tree(await Pack.create(packPath));
  }

  /** Takes in an uncompressed tar. `keep` can leave entries out, `rename` put them elsewhere. @throws invalid-parameter for a malformed tar. */
  async addTar(
    tar: Readable,
    keep: (path: string) => boolean = () => true,
    rename: (path: string) => string = (path) => path,
  ): Promise<void> {
    await readTar(tar, async (header, body) => {
      const path = cleanPath(header.name);
      if (path === '' || !keep(path)) body.resume();
      else await this.addEntry(cleanPath(rename(path)), header, body, rename);
    });
  }

  private async addEntry(
    path: string,
    header: Header,
    body: Readable,
    rename: (path: string) => string = (name) => name,
  ): Promise<void> {
    checkLength(path);
    if (header.type === 'link') {
      const target = cleanPath(rename(cleanPath(header.linkname ?? '')));
      const other = this.entries.get(target);
      if (!other) throw new Error(`hard link ${path} to ${target}, which is not in the archive`);
      body.resume();
      this.set(path, { ...other, sameAs: other.sameAs ?? target });
      return;
    }
    const entry = entryOf(path, header);
    if (entry.type === 'file') Object.assign(entry, await this.pack.append(body as AsyncIterable<Buffer>));
    else for await (const chunk of body) void chunk;
    this.addParents(path);
    this.set(path, entry);
  }

  private addParents(path: string): void {
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      if (this.entries.has(parent)) return;
      this.set(parent, { ...blankEntry(), type: 'directory', mode: 0o755 });
    }
  }

  /** Puts one file in, its bytes read from a stream. */
  async addStream(
    path: string,
    body: Readable,
    attributes: { size: number; mode: number; mtime: Date },
  ): Promise<void> {
    await this.addEntry(cleanPath(path), { name: path, type: 'file', ...attributes } as Header, body);
  }

  /** Puts an entry in that has no bytes. */
  addPlain(path: string, entry: Partial<TreeEntry> & Pick<TreeEntry, 'type' | 'mode'>): void {
    const clean = cleanPath(path);
    this.addParents(clean);
    this.set(clean, { ...blankEntry(), ...entry });
  }

  /** Makes `path` a hard link of a file that is there. */
  addLink(path: string, target: string): void {
    const other = this.entries.get(cleanPath(target));
    if (!other) throw invalidParameter(`hard link ${path} to ${target}, which is not there`);
    this.set(cleanPath(path), { ...other, sameAs: other.sameAs ?? cleanPath(target) });
  }

  /**
   * Puts a file of a known size in; several may be written at once, each in its own part of the pack.
   * @throws invalid-parameter when another number of bytes comes.
   */
  async addBytes(
    path: string,
    size: number,
    chunks: AsyncIterable<Buffer>,
    attributes: Pick<TreeEntry, 'mode'> & Partial<TreeEntry>,
  ): Promise<void> {
    this.addPlain(path, { ...attributes, type: 'file', size, ...(await this.fill(path, size, chunks)) });
  }

  private async fill(path: string, size: number, chunks: AsyncIterable<Buffer>): Promise<Packed> {
    const packed = await this.pack.fill(size, chunks);
    if (!packed) throw invalidParameter(`${path} changed while it was sent`);
    return packed;
  }

  /**
   * Puts a file in whose digest is known; its bytes are got when they are read first.
   * @param get Gives the bytes; called once.
   * @returns gets them now; gives their place in the pack.
   */
  addKnown(
    path: string,
    { size, digest }: Pick<TreeEntry, 'size' | 'digest'>,
    get: () => AsyncIterable<Buffer>,
    attributes: Pick<TreeEntry, 'mode'> & Partial<TreeEntry>,
  ): () => Promise<number> {
    let place: Promise<number> | undefined;
    const write = async () => {
      const packed = await this.fill(path, size, get());
      if (packed.digest !== digest)
        throw invalidParameter(
          `${path} has other bytes than at the last build, but the same size and time: build again`,
        );
      return packed.offset;
    };
    // Not at once: getting one file may begin with getting all, and come by here again.
    const fetch = () => (place ??= Promise.resolve().then(write));
    this.addPlain(path, { ...attributes, type: 'file', size, digest, fetch });
    return fetch;
  }

  private set(path: string, entry: TreeEntry): void {
    this.entries.set(path, entry);
    this.order = undefined;
  }

  remove(path: string): void {
    this.entries.delete(cleanPath(path));
    this.order = undefined;
  }

  /** Takes out all that a test of paths (a .dockerignore's) is true for. */
  async removeAll(ignored: (path: string) => boolean): Promise<void> {
    const slices = new Slices();
    for (const path of [...this.entries.keys()]) {
      if (ignored(path)) this.entries.delete(path);
      if (slices.due()) await slices.next();
    }
    this.order = undefined;
  }

  private async ordered(): Promise<readonly string[]> {
    while (this.order === undefined) {
      const { size } = this.entries;
      const order = await sortedInSlices(this.entries.keys());
      if (this.entries.size === size) this.order = order;
    }
    return this.order;
  }

  /** Every path under a folder, the folder itself left out, sorted so that a folder comes before its content. */
  async under(folder: string): Promise<readonly string[]> {
    const order = await this.ordered();
    if (folder === '') return order[0] === '' ? order.slice(1) : order;
    // The character behind the slash is the zero.
    return order.slice(lowerBound(order, `${folder}/`), lowerBound(order, `${folder}0`));
  }

  /** The paths that a test is true for, sorted. */
  async matching(test: (path: string) => boolean): Promise<string[]> {
    const slices = new Slices();
    const found: string[] = [];
    for (const path of await this.ordered()) {
      if (test(path)) found.push(path);
      if (slices.due()) await slices.next();
    }
    return found;
  }

  /**
   * The path that `path` leads to when symbolic links are followed inside the tree; null when there is nothing.
   * `..` and absolute links stop at the tree's root, `escapes` tells when one tried to leave it.
   */
  resolve(path: string, followLast = true): { path: string; escapes: boolean } | null {
    return resolvePath(this.entries, path, followLast);
  }

  /** A file's bytes. */
  read(entry: TreeEntry): Readable {
    return this.pack.read(entry.size, () => entry.fetch?.() ?? entry.offset);
  }

  /** The bytes of a Dockerfile or .dockerignore. @throws invalid-parameter for one that is larger than any text. */
  async readAll(entry: TreeEntry): Promise<Buffer> {
    if (entry.size > MAX_TEXT)
      throw invalidParameter(
        `the Dockerfile or .dockerignore has ${entry.size} bytes: ${MAX_TEXT} are the most that are read`,
      );
    return this.pack.readAll(entry.size, (await entry.fetch?.()) ?? entry.offset);
  }

  /**
   * The digest that the cache compares: of names, kinds, modes, owners, link targets and bytes, but no times. `skip`
   * leaves paths below the root out.
   */
  async digest(root: string, skip: (path: string) => boolean = () => false): Promise<string> {
    const slices = new Slices();
    const hash = createHash('sha256');
    const own = this.entries.get(root);
    const add = (name: string, entry: TreeEntry) =>
      hash.update(
        `${JSON.stringify([name, entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.target, entry.devmajor ?? 0, entry.devminor ?? 0, entry.xattrs, entry.digest])}\n`,
      );
    if (own && own.type !== 'directory') add('', own);
    else
      for (const path of await this.under(root)) {
        const relative = root === '' ? path : path.slice(root.length + 1);
        if (!skip(relative)) add(relative, this.entries.get(path)!);
        if (slices.due()) await slices.next();
      }
    return hash.digest('hex');
  }

  /** Has something done when the tree is closed. */
  onClose(work: () => void): void {
    this.closing.push(work);
  }

  async close(): Promise<void> {
    for (const work of this.closing.splice(0)) work();
    await this.pack.close();
  }
}
