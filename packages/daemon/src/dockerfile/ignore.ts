import { posix } from 'node:path';
import { compileGlob, type Glob } from '../patterns/glob.ts';
import { checkIgnoreSize, checkPatterns } from './limits.ts';

/** One line of a .dockerignore. */
interface Pattern {
  negated: boolean;
  glob: Glob;
}

/**
 * Makes a test for paths (relative, `/` between) from a .dockerignore's text: comments, `!`, `*`, `?`, `[a-z]`, `**`; a
 * pattern that matches a folder excludes what is in it; the last match decides.
 * (https://docs.docker.com/build/concepts/context/#dockerignore-files)
 * @throws invalid-parameter for a pattern that is none, and for more of them than can be looked at for each path.
 */
export function ignoreFilter(text: string): (path: string) => boolean {
  checkIgnoreSize(text);
  const patterns: Pattern[] = [];
  let length = 0;
  for (const raw of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    if (raw.startsWith('#')) continue;
    let line = raw.trim();
    if (line === '') continue;
    length += line.length;
    checkPatterns(patterns.length + 1, length);
    const negated = line.startsWith('!');
    if (negated) line = line.slice(1).trim();
    line = posix.normalize(line).replace(/^\/+/, '').replace(/\/+$/, '');
    if (line === '' || line === '.') {
      if (line === '.' && !negated) patterns.push({ negated, glob: compileGlob('**', { deep: true }) });
      continue;
    }
    patterns.push({ negated, glob: compileGlob(line, { deep: true }) });
  }
  return (path) => {
    let ignored = false;
    for (const { negated, glob } of patterns)
      if (negated === ignored && glob.testWithParents(path)) ignored = !negated;
    return ignored;
  };
}
