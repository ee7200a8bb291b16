import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { invalidParameter } from '../../base/errors.ts';
import { Slices } from '../../patterns/slices.ts';
import { lowerBound, sortedInSlices } from './order.ts';
import { Pack, type Packed } from './pack.ts';

/** A file of a tree: what a tar header says, and where its bytes stand in the pack file. */
export interface TreeEntry {
  type: 'file' | 'directory' | 'symlink' | 'fifo' | 'character-device' | 'block-device';
  mode: number;
  uid: number;
  gid: number;
  mtime: Date;
  size: number;
  /** The target of a symbolic link. */
  target: string;
  /** For a hard link: the path of the entry it shares its bytes with. */
  sameAs?: string;
  devmajor?: number;
  devminor?: number;
  xattrs: Record<string, string>;
  offset: number;
  /** The digest of the file's bytes. */
  digest: string;
  /** Of a file whose digest is known and whose bytes are not here: gets them, and gives their place. */
  fetch?: () => Promise<number>;
}

/** What an entry has that nothing else is said of. */
const blank = () => ({
  ...{ uid: 0, gid: 0, mtime: new Date(0), size: 0 },
  ...{ target: '', xattrs: {}, offset: 0, digest: '' },
});

const maxLinks = 40;
/** Bytes of a path with its end, and of a name (limits.h). */
const PATH_MAX = 4096;
const NAME_MAX = 255;
/** A tar comes in these. */
const BLOCK = 512;

/**
 * Fills a tar's last block: Docker's client ends a context whose Dockerfile comes from its input right after the last
 * file's bytes. `length` tells how many came.
 */
function wholeBlocks(): { blocks: Transform; length: () => number } {
  let length = 0;
  const blocks = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      done(null, Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK));
    },
  });
  return { blocks, length: () => length };
}

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
    const extraction = extract();
    const { blocks, length } = wholeBlocks();
    tar.on('error', (error) => blocks.destroy(error));
    blocks.on('error', (error) => extraction.destroy(error));
    tar.pipe(blocks).pipe(extraction);
    let needed = 0;
    const slices = new Slices();
    try {
      for await (const part of extraction) {
        // Small entries of one chunk follow each other without a turn of the loop.
        if (slices.due()) await slices.next();
        const header = part.header as Header & { byteOffset?: number };
        needed = (header.byteOffset ?? 0) + (header.size ?? 0);
        const path = cleanPath(header.name);
        if (path === '' || !keep(path)) {
          part.resume();
          continue;
        }
        await this.addEntry(cleanPath(rename(path)), header, part as unknown as Readable, rename);
      }
      if (length() < needed) throw new Error('unexpected EOF');
    } catch (error) {
      throw invalidParameter(`Error processing tar file: ${(error as Error).message}`, error);
    }
  }

  private async addEntry(
    path: string,
    header: Header,
    body: Readable,
    rename: (path: string) => string = (name) => name,
  ): Promise<void> {
    checkLength(path);
    const entry: TreeEntry = {
      ...blank(),
      type: 'file',
      mode: (header.mode ?? 0o644) & 0o7777,
      uid: header.uid ?? 0,
      gid: header.gid ?? 0,
      mtime: header.mtime ?? new Date(0),
    };
    for (const [name, value] of Object.entries((header.pax ?? {}) as Record<string, string>)) {
      if (name.startsWith('SCHILY.xattr.')) entry.xattrs[name] = value;
    }
    switch (header.type) {
      case 'directory':
        entry.type = 'directory';
        break;
      case 'symlink':
        entry.type = 'symlink';
        entry.target = header.linkname ?? '';
        if (Buffer.byteLength(entry.target) >= PATH_MAX)
          throw new Error(`${path}: the link's target is too long`);
        break;
      case 'link': {
        const target = cleanPath(rename(cleanPath(header.linkname ?? '')));
        const other = this.entries.get(target);
        if (!other) throw new Error(`hard link ${path} to ${target}, which is not in the archive`);
        body.resume();
        this.set(path, { ...other, sameAs: other.sameAs ?? target });
        return;
      }
      case 'fifo':
      case 'character-device':
      case 'block-device':
        entry.type = header.type;
        entry.devmajor = header.devmajor ?? 0;
        entry.devminor = header.devminor ?? 0;
        break;
      default:
        break;
    }
    if (entry.type === 'file') Object.assign(entry, await this.pack.append(body as AsyncIterable<Buffer>));
    else for await (const chunk of body) void chunk;
    this.addParents(path);
    this.set(path, entry);
  }

  private addParents(path: string): void {
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      if (this.entries.has(parent)) return;
      this.set(parent, { ...blank(), type: 'directory', mode: 0o755 });
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
    this.set(clean, { ...blank(), ...entry });
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
    // The names still to go, the next one last; the folders gone through, each with its whole path.
    const parts = namesOf(path).reverse();
    const done: string[] = [];
    let links = 0;
    let escapes = false;
    while (parts.length > 0) {
      const part = parts.pop()!;
      if (part === '..') {
        if (done.length === 0) escapes = true;
        done.pop();
        continue;
      }
      const above = done.at(-1);
      const here = above === undefined ? part : `${above}/${part}`;
      if (here.length >= PATH_MAX) return null;
      const entry = this.entries.get(here);
      if (!entry) return escapes ? { path: '', escapes } : null;
      if (entry.type === 'symlink' && (followLast || parts.length > 0)) {
        if (++links > maxLinks) return null;
        if (entry.target.startsWith('/')) done.length = 0;
        parts.push(...namesOf(entry.target).reverse());
        continue;
      }
      done.push(here);
    }
    return { path: done.at(-1) ?? '', escapes };
  }

  /** A file's bytes. */
  read(entry: TreeEntry): Readable {
    return this.pack.read(entry.size, () => entry.fetch?.() ?? entry.offset);
  }

  async readAll(entry: TreeEntry): Promise<Buffer> {
    return this.pack.readAll(entry.size, (await entry.fetch?.()) ?? entry.offset);
  }

  /**
   * The digest that the cache compares: of names, kinds, modes, owners, link targets and bytes, but no times. `skip`
   * leaves paths below
   * the root out.
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

const namesOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/** @throws Error in the kernel's words for a path that no file system of Linux takes. */
function checkLength(path: string): void {
  const tooLong =
    Buffer.byteLength(path) >= PATH_MAX || path.split('/').some((name) => Buffer.byteLength(name) > NAME_MAX);
  if (tooLong) throw new Error(`${path.slice(0, NAME_MAX)}...: file name too long`);
}

/** A tar name as a relative path without `.`, `..` or doubled slashes. */
export function cleanPath(name: string): string {
  return posix.normalize(`/${name}`).replace(/^\/+/, '').replace(/\/+$/, '');
}
