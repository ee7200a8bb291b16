import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, invalidParameter } from '../base/errors.ts';
import type { Archive } from '../layers/api.ts';
import { compileGlob, isGlob } from '../patterns/glob.ts';
import { Slices } from '../patterns/slices.ts';
import { followed } from './destination.ts';
import { cleanPath, type TreeEntry } from './tree/entry.ts';
import type { Tree } from './tree/tree.ts';
import { type TarWriter, writeBody, writtenTar } from './tree/written.ts';

/** A source of a COPY or ADD: a tree and the paths in it that the instruction names. */
export interface Source {
  tree: Tree;
  /** Path in the tree of what is copied (links resolved). */
  path: string;
  /** The name the source was given by: its base name is what a copied file is called. */
  name: string;
  /** A tar to be unpacked (ADD): then `tree` is its content. */
  unpacked?: boolean;
  /** Paths below it (relative) that are left out (`--exclude`). */
  skip?: (path: string) => boolean;
}

/** Reads what a pattern names in a root into a tree (COPY --from). */
export async function readFrom(archive: Archive, tree: Tree, pattern: string): Promise<Source[]> {
  const clean = posix.normalize(`/${pattern}`).replace(/\/+$/, '');
  const parts = clean.split('/').filter(Boolean);
  const firstGlob = parts.findIndex((part) => /[*?[]/.test(part));
  // The part before the first wildcard is resolved in the root, links followed; its content is read under its name.
  const fixed = firstGlob < 0 ? parts : parts.slice(0, firstGlob);
  const prefix = `f${tree.entries.size}`;
  const path = fixed.length === 0 ? '/' : `/${fixed.join('/')}`;
  let stat = await archive.stat(path).catch(() => {
    throw invalidParameter(`COPY failed: stat ${parts.join('/')}: file does not exist`);
  });
  let real = path;
  for (let hops = 0; stat.linkTarget !== '' && hops < 40; hops++) {
    real = posix.resolve(posix.dirname(real), stat.linkTarget);
    stat = await archive.stat(real).catch(() => {
      throw invalidParameter(`COPY failed: stat ${parts.join('/')}: file does not exist`);
    });
  }
  const { tar } = await archive.get(real);
  const top = real === '/' ? '' : posix.basename(real);
  await tree.addTar(
    tar,
    (name) => name !== '' && name !== '.',
    (name) => `${prefix}/${top === '' ? name : posix.join('root', name.slice(top.length))}`,
  );
  const base = top === '' ? prefix : `${prefix}/root`;
  if (top === '' && !tree.entries.has(base)) tree.addPlain(base, { type: 'directory', mode: 0o755 });
  if (firstGlob < 0) return [{ tree, path: base, name: parts.at(-1) ?? '' }];
  const rest = parts.slice(firstGlob).join('/');
  return findSources(tree, `${base}/${rest}`, 'COPY', false);
}

/** The sources less what `--exclude` leaves out: its patterns are of a file's name, or of what is in a folder. */
export function withoutExcluded(sources: Source[], ignored: (path: string) => boolean): Source[] {
  return sources.flatMap((source) => {
    if (source.skip) return [source];
    const entry = source.tree.entries.get(source.path);
    const folder = !source.unpacked && (source.path === '' || entry?.type === 'directory');
    if (folder) return [{ ...source, skip: ignored }];
    return ignored(posix.basename(source.name)) ? [] : [source];
  });
}

/** Ownership and mode that flags ask for. */
export interface CopyAttributes {
  uid?: number;
  gid?: number;
  mode?: number;
  /** Files change hands once they are there (classic builder). */
  given?: boolean;
  /** The time of directories that are made on the way; the present one without it. */
  time?: Date;
}

/** The sources that a pattern names in a tree. @throws invalid-parameter with the classic builder's texts. */
export async function findSources(
  tree: Tree,
  pattern: string,
  verb: string,
  fromContext: boolean,
): Promise<Source[]> {
  const where = cleanPath(pattern);
  const escaping = fromContext && /(^|\/)\.\.(\/|$)/.test(posix.normalize(pattern.replace(/^\/+/, '')));
  if (escaping)
    throw invalidParameter(`${verb} failed: forbidden path outside the build context: ${pattern} ()`);
  if (/[*?[]/.test(where)) {
    // To the classic builder a pattern with an error in it matches nothing.
    if (fromContext && !isGlob(where)) return [];
    const glob = compileGlob(where);
    const sources: Source[] = [];
    const slices = new Slices();
    for (const path of await tree.matching((one) => glob.test(one))) {
      const resolved = tree.resolve(path);
      if (resolved && !resolved.escapes) sources.push({ tree, path: resolved.path, name: path });
      if (slices.due()) await slices.next();
    }
    return sources;
  }
  if (where === '') return [{ tree, path: '', name: '' }];
  const resolved = tree.resolve(where);
  if (resolved?.escapes && fromContext)
    throw invalidParameter(`${verb} failed: forbidden path outside the build context: ${where} ()`);
  if (!resolved) {
    if (!fromContext) throw invalidParameter(`${verb} failed: stat ${where}: file does not exist`);
    const named = pattern.replace(/^\//, '').replace(/^\.\//, '');
    throw invalidParameter(
      `${verb} failed: file not found in build context or excluded by .dockerignore: stat ${named}: file does not exist`,
    );
  }
  return [{ tree, path: resolved.path, name: where }];
}

/**
 * Wildcards may match nothing, but are looked for in a folder that is there (BuildKit's `ResolveWildcards`).
 * @throws invalid-parameter with BuildKit's text.
 */
export function checkFolderOfWildcards(tree: Tree, pattern: string): void {
  const parts = cleanPath(pattern).split('/');
  const first = parts.findIndex((part) => /[*?[]/.test(part));
  const folder = parts.slice(0, first).join('/');
  if (first > 0 && !tree.resolve(folder))
    throw invalidParameter(`lstat /${folder}: no such file or directory`);
}

/** True when the path is a folder in the root (links followed). */
export async function isFolder(archive: Archive, path: string): Promise<boolean> {
  try {
    const { mode } = await archive.stat(`${path}/.`);
    return mode >= 2 ** 31;
  } catch (error) {
    if (error instanceof BerthError && error.kind === 'not-found') return false;
    // A file where a folder was asked for.
    if (error instanceof BerthError) return false;
    throw error;
  }
}

/** Whether nothing stands where the link at `path` leads: a folder is made there when it is mounted on. */
export async function leadsNowhere(archive: Archive, path: string): Promise<boolean> {
  try {
    await archive.stat(`${path}/.`);
    return false;
  } catch (error) {
    return error instanceof BerthError && error.kind === 'not-found';
  }
}

/** @throws invalid-parameter when something that is no folder stands where one is needed. */
async function mustBeFree(archive: Archive, path: string): Promise<void> {
  const there = await archive.stat(path).then(
    () => true,
    () => false,
  );
  if (there)
    throw invalidParameter(`failed to copy files: failed to copy directory: mkdir ${path}: not a directory`);
}

/**
 * The tar that puts the sources to `destination` (absolute; a trailing slash means a folder) of a root. Files keep mode
 * and time; owners are `attributes`' or root's.
 */
export async function copyTar(
  sources: Source[],
  destination: string,
  archive: Archive,
  attributes: CopyAttributes,
  keepOwners = false,
): Promise<Readable> {
  const intoFolder = destination.endsWith('/') || (await isFolder(archive, destination));
  const base = cleanPath(await followed(archive, destination));
  return writtenTar(async (out) => {
    const made = new Set<string>();
    const slices = new Slices();
    const parents = async (path: string) => {
      const chain: string[] = [];
      for (
        let parent = posix.dirname(path);
        parent !== '.' && parent !== '/' && !made.has(parent);
        parent = posix.dirname(parent)
      )
        chain.unshift(parent);
      for (const parent of chain) {
        made.add(parent);
        if (await isFolder(archive, `/${parent}`)) continue;
        await mustBeFree(archive, `/${parent}`);
        out.entry({
          name: `${parent}/`,
          type: 'directory',
          mode: 0o755,
          uid: attributes.uid ?? 0,
          gid: attributes.gid ?? 0,
          mtime: attributes.time ?? new Date(),
        });
      }
    };
    const linked = new Map<string, string>();
    for (const source of sources) {
      const entry = source.tree.entries.get(source.path);
      const folder = source.path === '' || entry?.type === 'directory' || source.unpacked;
      if (folder) {
        await parents(posix.join(base, 'x'));
        if (base !== '' && !(await isFolder(archive, `/${base}`)) && !made.has(base)) {
          made.add(base);
          await mustBeFree(archive, `/${base}`);
          out.entry({
            name: `${base}/`,
            type: 'directory',
            mode: 0o755,
            uid: attributes.uid ?? 0,
            gid: attributes.gid ?? 0,
            mtime: attributes.time ?? new Date(),
          });
        }
        for (const path of await source.tree.under(source.path)) {
          // Folders, links and empty files are written without a turn of the loop.
          if (slices.due()) await slices.next();
          const relative = source.path === '' ? path : path.slice(source.path.length + 1);
          if (source.skip?.(relative)) continue;
          await writeEntry(
            out,
            source.tree,
            path,
            posix.join(base, relative),
            attributes,
            keepOwners || !!source.unpacked,
            linked,
          );
        }
      } else {
        const target = intoFolder || made.has(base) ? posix.join(base, posix.basename(source.name)) : base;
        await parents(target);
        await writeEntry(out, source.tree, source.path, target, attributes, keepOwners, linked);
      }
    }
  });
}

async function writeEntry(
  out: TarWriter,
  tree: Tree,
  path: string,
  target: string,
  attributes: CopyAttributes,
  keepOwners: boolean,
  linked: Map<string, string>,
): Promise<void> {
  const entry = tree.entries.get(path)!;
  const header = {
    name: entry.type === 'directory' ? `${target}/` : target,
    mode:
      attributes.mode !== undefined && entry.type !== 'symlink' ? attributes.mode : kept(entry, attributes),
    uid: attributes.uid ?? (keepOwners ? entry.uid : 0),
    gid: attributes.gid ?? (keepOwners ? entry.gid : 0),
    mtime: entry.mtime,
    ...(Object.keys(entry.xattrs).length > 0 ? { pax: entry.xattrs } : {}),
  };
  if (entry.type === 'file') {
    // Hard links within one copied tree stay links.
    const key = entry.sameAs ?? path;
    const first = linked.get(key);
    if (first !== undefined && first !== target) {
      out.entry({ ...header, type: 'link', linkname: first });
      return;
    }
    linked.set(key, target);
    await writeBody(out, { ...header, type: 'file', size: entry.size }, tree.read(entry));
  } else if (entry.type === 'symlink') out.entry({ ...header, type: 'symlink', linkname: entry.target });
  else if (entry.type === 'directory') out.entry({ ...header, type: 'directory' });
  else
    out.entry({
      ...header,
      type: entry.type,
      devmajor: entry.devmajor ?? 0,
      devminor: entry.devminor ?? 0,
    } as Parameters<typeof out.entry>[0]);
}

/** The mode a copy has. Giving a file away takes its setuid bit, and its setgid bit where the group may execute (chown(2)). */
function kept({ type, mode }: TreeEntry, { given = false }: CopyAttributes): number {
  if (!given || type !== 'file') return mode;
  return mode & ~0o4000 & (mode & 0o010 ? ~0o2000 : ~0);
}

/** The digest of the copied content for the cache and the history: `file:…`, `dir:…` or `multi:…`. */
export async function sourcesDigest(sources: Source[], hash: (text: string) => string): Promise<string> {
  // Each digest goes in slices of its own, which a thousand small ones never fill.
  const slices = new Slices();
  const parts: string[] = [];
  for (const { tree, path, skip } of sources) {
    if (slices.due()) await slices.next();
    const entry: TreeEntry | undefined = tree.entries.get(path);
    const kind = path === '' || entry?.type === 'directory' ? 'dir' : 'file';
    parts.push(`${kind}:${await tree.digest(path, skip)}`);
  }
  return parts.length === 1 ? parts[0]! : `multi:${hash(parts.join(','))}`;
}
