import { posix } from 'node:path';
import type { Archive } from '../layers/api.ts';

/**
 * The real place of a path of a root: a symbolic link at its end, or one on the way that leads to nothing yet, is
 * followed within the root, as a write through it would be. Absolute, without a trailing slash.
 */
export async function followed(archive: Archive, path: string): Promise<string> {
  const whole = posix.resolve('/', path);
  // From below: what is above something that is there has been followed on the way to it.
  for (let part = whole; part !== '/'; part = posix.dirname(part)) {
    const found = await archive.stat(part).catch(() => undefined);
    if (found)
      return found.linkTarget === '' ? whole : posix.join(found.linkTarget, whole.slice(part.length));
  }
  return whole;
}
