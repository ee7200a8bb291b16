import { posix } from 'node:path';
import { extract } from 'tar-stream';
import { invalidParameter, isKind } from '../../base/errors.ts';
import type { Archive } from '../../layers/api.ts';
import { compileGlob } from '../../patterns/glob.ts';
import { Slices } from '../../patterns/slices.ts';
import { findSources, readFrom, type Source } from '../copy.ts';
import { cleanPath } from '../tree/entry.ts';
import type { Tree } from '../tree/tree.ts';

/** True for a path that `--exclude` leaves out. */
type Ignored = (path: string) => boolean;

/** A source of `COPY --parents`: the folders up to the pivot point `/./` are not kept, those after it are. */
function splitPivot(source: string): { pivot: string; pattern: string } {
  const at = source.indexOf('/./');
  if (at < 0) return { pivot: '', pattern: cleanPath(source) };
  return { pivot: cleanPath(source.slice(0, at)), pattern: cleanPath(source.slice(at + 3)) };
}

/**
 * The paths that a source of `COPY --parents` names in a tree, as folders of which only these are copied.
 * @throws invalid-parameter where a path without wildcards is not there.
 */
export async function parentSources(tree: Tree, source: string, ignored: Ignored): Promise<Source[]> {
  const { pivot, pattern } = splitPivot(source);
  return keepAll(await findSources(tree, pivot, 'COPY', false), pattern, source, ignored);
}

/** Reads what a source of `COPY --parents --from` names in a root into a tree: no more of it than is needed. */
export async function readParents(
  archive: Archive,
  tree: Tree,
  source: string,
  ignored: Ignored,
): Promise<Source[]> {
  const { pivot, pattern } = splitPivot(source);
  const parts = pattern.split('/').filter(Boolean);
  const firstWild = parts.findIndex(isWild);
  const fixed = firstWild < 0 ? parts : parts.slice(0, firstWild);
  if (fixed.length === 0 || isWild(pivot)) {
    return keepAll(await readFrom(archive, tree, pivot), pattern, source, ignored);
  }
  const prefix = `p${tree.entries.size}`;
  for (let depth = 1; depth < fixed.length; depth++)
    await addFolder(
      archive,
      tree,
      posix.join('/', pivot, ...fixed.slice(0, depth)),
      posix.join(prefix, ...fixed.slice(0, depth)),
    ).catch((error) => Promise.reject(isKind(error, 'not-found') ? missing(source) : error));
  const path = posix.join('/', pivot, ...fixed);
  const { tar } = await archive
    .get(path)
    .catch((error) => Promise.reject(isKind(error, 'not-found') ? missing(source) : error));
  const top = posix.basename(path);
  await tree.addTar(
    tar,
    (name) => name !== '' && name !== '.',
    (name) => posix.join(prefix, ...fixed, name.slice(top.length)),
  );
  return keep(tree, prefix, pattern, source, ignored);
}

const isWild = (path: string) => /[*?[]/.test(path);

const missing = (source: string) =>
  invalidParameter(`COPY failed: stat ${cleanPath(source)}: file does not exist`);

/** Puts a folder, without what is in it, from a root into a tree. */
async function addFolder(archive: Archive, tree: Tree, path: string, to: string): Promise<void> {
  const { tar } = await archive.get(path);
  const extraction = extract();
  tar.on('error', (error) => extraction.destroy(error));
  tar.pipe(extraction);
  // The first entry is the folder itself: what follows is not waited for.
  for await (const { header } of extraction) {
    if (header.type === 'directory')
      tree.addPlain(to, {
        type: 'directory',
        mode: (header.mode ?? 0o755) & 0o7777,
        uid: header.uid ?? 0,
        gid: header.gid ?? 0,
        ...(header.mtime ? { mtime: header.mtime } : {}),
      });
    break;
  }
  if (!tar.closed) await new Promise((resolve) => tar.once('close', resolve).destroy());
}

async function keepAll(
  folders: Source[],
  pattern: string,
  source: string,
  ignored: Ignored,
): Promise<Source[]> {
  const kept: Source[] = [];
  for (const { tree, path } of folders) kept.push(...(await keep(tree, path, pattern, source, ignored)));
  return kept;
}

/** A folder of a tree, of which what the pattern matches is kept, with the folders that lead there. */
async function keep(
  tree: Tree,
  base: string,
  pattern: string,
  source: string,
  ignored: Ignored,
): Promise<Source[]> {
  const glob = compileGlob(pattern, { deep: true });
  const named = new Set<string>();
  const kept = new Set<string>();
  const slices = new Slices();
  for (const path of await tree.under(base)) {
    if (slices.due()) await slices.next();
    const relative = base === '' ? path : path.slice(base.length + 1);
    // Folders come before their content: what is in a folder that was named is named as well.
    if (pattern !== '' && !named.has(posix.dirname(relative)) && !glob.test(relative)) continue;
    named.add(relative);
    if (ignored(relative)) continue;
    for (let part = relative; part !== '.' && !kept.has(part); part = posix.dirname(part)) kept.add(part);
  }
  if (named.size === 0 && pattern !== '' && !isWild(pattern)) throw missing(source);
  if (kept.size === 0 && pattern !== '') return [];
  return [{ tree, path: base, name: '', skip: (path) => !kept.has(path) }];
}
