import { join } from 'node:path';
import { foldersIn } from './files.ts';

const DEPTH = 6;

/** Looks for a folder of that name below `root`, level by level; returns its path below `root`. */
export async function findFolder(root: string, name: string): Promise<string | undefined> {
  let level = ['/'];
  for (let depth = 0; depth < DEPTH && level.length > 0; depth++) {
    const next: string[] = [];
    for (const path of level) {
      const names = await foldersIn(join(root, path));
      if (names.includes(name)) return join(path, name);
      next.push(...names.map((below) => join(path, below)));
    }
    level = next;
  }
  return undefined;
}
