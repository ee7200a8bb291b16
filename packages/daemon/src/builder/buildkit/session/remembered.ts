import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../../../base/log.ts';
import { Slices } from '../../../patterns/slices.ts';

/** The most bytes of one folder's list, and the most folders, that are remembered: files beyond them are sent again. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_FOLDERS = 64;

/** A file of a client's folder: what it looks like there, and the digest of its bytes. */
export interface RememberedFile {
  path: string;
  /** Size, time and mode; the bytes are taken to be the same where these are. */
  look: string;
  digest: string;
}

/** The files that one step took of a folder. */
export interface Taken {
  /** The digest of the sources. */
  digest: string;
  /** How the cache's key tells the sources besides. */
  names: readonly unknown[];
}

/** The files that steps took of one state of a folder, by the step's request. */
export type TakenSources = Map<string, Taken>;

/** The most steps of one folder whose sources are remembered. */
const MOST_TAKEN = 256;

/**
 * The digests of files that clients have sent, so that what has not changed is not sent, written and hashed again. They are
 * known by the key that a client gives its folder (`X-Docker-Expose-Session-Sharedkey`), as BuildKit has it. It is a
 * cache: one that is lost or cut off costs time only.
 */
export class Remembered {
  private readonly root: string;
  /** The files that steps took of each folder, for the last of its states that was seen whole; lost with the daemon. */
  private readonly taken = new Map<string, { state: string; sources: TakenSources }>();

  constructor(root: string) {
    this.root = root;
  }

  /** The files remembered of a folder; none where the client names no key. */
  async load(shared: string, folder: string): Promise<Map<string, RememberedFile>> {
    const known = new Map<string, RememberedFile>();
    if (shared === '') return known;
    const slices = new Slices();
    const text = await readFile(this.path(shared, folder), 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      const [path, look, digest] = line.split('\0');
      if (path && look && digest) known.set(path, { path, look, digest });
      if (slices.due()) await slices.next();
    }
    return known;
  }

  /** The files that steps took of a folder, if it was in this very state when they were last remembered. */
  sourcesOf(shared: string, folder: string, state: string): TakenSources | undefined {
    const path = this.path(shared, folder);
    const found = this.taken.get(path);
    if (found?.state !== state) return undefined;
    this.taken.delete(path);
    this.taken.set(path, found);
    return found.sources;
  }

  /** Begins to keep what steps take of a folder in the state in which its files have just been remembered. */
  beginSources(shared: string, folder: string, state: string): TakenSources {
    const sources: TakenSources = new Map();
    if (shared === '') return sources;
    const path = this.path(shared, folder);
    this.taken.delete(path);
    this.taken.set(path, { state, sources });
    const [oldest] = this.taken.keys();
    if (this.taken.size > MOST_FOLDERS) this.taken.delete(oldest!);
    return sources;
  }

  /** Keeps what is known of a folder now, where that is news. Never fails: the next build sends all of it. */
  async save(
    shared: string,
    folder: string,
    known: ReadonlyMap<string, RememberedFile>,
    files: readonly RememberedFile[],
  ): Promise<void> {
    if (shared === '') return;
    const slices = new Slices();
    const lines: string[] = [];
    let length = 0;
    let news = files.length !== known.size;
    for (const { path: name, look, digest } of files) {
      if (slices.due()) await slices.next();
      const line = `${name}\0${look}\0${digest}\n`;
      length += line.length;
      if (length > MOST_BYTES) break;
      news ||= known.get(name)?.look !== look;
      if (!/[\0\n]/.test(name)) lines.push(line);
    }
    if (!news) return;
    const path = this.path(shared, folder);
    this.taken.delete(path);
    const aside = `${path}.${process.hrtime.bigint()}`;
    try {
      await mkdir(this.root, { recursive: true, mode: 0o700 });
      await writeFile(aside, lines.join(''), { mode: 0o600 });
      await rename(aside, path);
      await this.dropOldest();
    } catch (error) {
      log.debug({ err: error }, 'the digests of a build context could not be kept');
      await rm(aside, { force: true }).catch(() => undefined);
    }
  }

  /** Forgets a folder. */
  async forget(shared: string, folder: string): Promise<void> {
    const path = this.path(shared, folder);
    this.taken.delete(path);
    await rm(path, { force: true });
  }

  /** Forgets all. */
  async clear(): Promise<void> {
    this.taken.clear();
    await rm(this.root, { recursive: true, force: true });
  }

  private path(shared: string, folder: string): string {
    return join(
      this.root,
      createHash('sha256')
        .update(JSON.stringify([shared, folder]))
        .digest('hex'),
    );
  }

  private async dropOldest(): Promise<void> {
    const names = await readdir(this.root);
    if (names.length <= MOST_FOLDERS) return;
    const dated = await Promise.all(
      names.map(async (name) => ({ name, time: (await stat(join(this.root, name))).mtimeMs })),
    );
    dated.sort((a, b) => a.time - b.time);
    for (const { name } of dated.slice(0, names.length - MOST_FOLDERS))
      await rm(join(this.root, name), { force: true });
  }
}

/** Remembers what a step took; of more steps than any Dockerfile has, none. */
export function rememberTaken(sources: TakenSources, asked: string, taken: Taken): void {
  if (sources.size < MOST_TAKEN) sources.set(asked, taken);
}
