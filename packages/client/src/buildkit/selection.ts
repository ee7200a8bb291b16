import { lstat, readdir, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { IgnoreRules } from '../build/ignore.ts';

/** As many links as the kernel follows in one look-up (path_resolution(7)). */
const MOST_LINKS = 40;

/** The parts of a folder that a builder asked for. */
export interface Selection {
  /** Only what matches one of these, or lies below it. */
  include?: readonly string[];
  /** Not what matches these, by the rules of .dockerignore. */
  exclude?: readonly string[];
  /** Paths, with wildcards, of which the symbolic links in between are wanted, too. */
  follow?: readonly string[];
}

/** Decides which paths of a folder are sent. */
export class Filter {
  private readonly included: IgnoreRules | undefined;
  private readonly excluded: IgnoreRules | undefined;

  private constructor(include: readonly string[] | undefined, exclude: readonly string[] | undefined) {
    this.included = include && new IgnoreRules(include);
    this.excluded = exclude?.length ? new IgnoreRules(exclude) : undefined;
  }

  /** The filter of a selection; the links of `follow` are read in the folder. */
  static async of(folder: string, { include, exclude, follow }: Selection): Promise<Filter> {
    const followed = follow?.length ? await followLinks(folder, follow) : [];
    const wanted = [...(include ?? []), ...followed];
    return new Filter(wanted.length > 0 ? wanted : undefined, exclude);
  }

  /** Whether a path is to be sent. */
  takes(path: string): boolean {
    return (this.included?.ignores(path) ?? true) && !this.excluded?.ignores(path);
  }

  /** Whether anything below a folder may have to be sent. */
  enters(path: string): boolean {
    if (this.excluded?.ignores(path) && !this.excluded.mayHoldExceptions(path)) return false;
    return this.included === undefined || this.included.ignores(path) || this.included.mayHold(path);
  }
}

/**
 * The paths that one reads to reach `paths`: each, and where the links on its way lead, relative to the folder. A link
 * that leads out of the folder ends at its top, as in a root of its own.
 */
async function followLinks(folder: string, paths: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const path of paths) await follow(folder, posix.normalize(`/${path}`), found, 0);
  // All of the folder is wanted.
  if (found.has('')) return ['**'];
  return [...found];
}

async function follow(folder: string, path: string, found: Set<string>, links: number): Promise<void> {
  if (links > MOST_LINKS) return;
  const parts = path.split('/').filter(Boolean);
  let at = '';
  for (const [index, part] of parts.entries()) {
    const rest = parts.slice(index + 1).join('/');
    if (/[*?[\\]/.test(part)) {
      const matching = new IgnoreRules([part]);
      const names = await readdir(join(folder, at)).catch(() => []);
      for (const name of names)
        if (matching.ignores(name)) await follow(folder, posix.join('/', at, name, rest), found, links + 1);
      return;
    }
    at = posix.join(at, part);
    const stats = await lstat(join(folder, at)).catch(() => undefined);
    if (!stats?.isSymbolicLink()) continue;
    found.add(escaped(at));
    const target = await readlink(join(folder, at));
    const next = posix.isAbsolute(target) ? target : posix.join('/', posix.dirname(at), target);
    await follow(folder, posix.join(posix.normalize(next), rest), found, links + 1);
    return;
  }
  found.add(escaped(at));
}

/** A path as a pattern that matches it alone. */
const escaped = (path: string): string => path.replace(/[*?[\]\\]/g, '\\$&');
