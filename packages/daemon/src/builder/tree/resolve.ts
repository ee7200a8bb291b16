import { PATH_MAX, type TreeEntry } from './entry.ts';

/** Symbolic links followed on one path, as the kernel's own bound. */
const MAX_LINKS = 40;

/**
 * The path that `path` leads to when symbolic links are followed inside a tree; null when there is nothing.
 * `..` and absolute links stop at the tree's root, `escapes` tells when one tried to leave it.
 */
export function resolvePath(
  entries: ReadonlyMap<string, TreeEntry>,
  path: string,
  followLast: boolean,
): { path: string; escapes: boolean } | null {
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
    const entry = entries.get(here);
    if (!entry) return escapes ? { path: '', escapes } : null;
    if (entry.type === 'symlink' && (followLast || parts.length > 0)) {
      if (++links > MAX_LINKS) return null;
      if (entry.target.startsWith('/')) done.length = 0;
      parts.push(...namesOf(entry.target).reverse());
      continue;
    }
    done.push(here);
  }
  return { path: done.at(-1) ?? '', escapes };
}

const namesOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');
