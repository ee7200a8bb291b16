import { posix } from 'node:path';

/** One line of a .dockerignore. */
interface Pattern {
  negated: boolean;
  expression: RegExp;
}

/**
 * Makes a test for paths (relative, `/` between) from a .dockerignore's text: comments, `!`, `*`, `?`, `[a-z]`, `**`; a
 * pattern that matches a folder excludes what is in it; the last match decides.
 * (https://docs.docker.com/build/concepts/context/#dockerignore-files)
 */
export function ignoreFilter(text: string): (path: string) => boolean {
  const patterns: Pattern[] = [];
  for (const raw of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    if (raw.startsWith('#')) continue;
    let line = raw.trim();
    if (line === '') continue;
    const negated = line.startsWith('!');
    if (negated) line = line.slice(1).trim();
    line = posix.normalize(line).replace(/^\/+/, '').replace(/\/+$/, '');
    if (line === '' || line === '.') {
      if (line === '.' && !negated) patterns.push({ negated, expression: /^/ });
      continue;
    }
    patterns.push({ negated, expression: toExpression(line) });
  }
  return (path) => {
    let ignored = false;
    for (const { negated, expression } of patterns) {
      if (negated !== ignored) continue;
      for (let part = path; part !== '.' && part !== ''; part = posix.dirname(part)) {
        if (expression.test(part)) {
          ignored = !negated;
          break;
        }
      }
      if (expression.source === '^' && !negated) ignored = true;
    }
    return ignored;
  };
}

/** A path pattern of Go's filepath.Match as an expression; `**` goes over several folders where it is `deep`. */
export function toExpression(pattern: string, { deep = true } = {}): RegExp {
  let out = '^';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*') {
      if (deep && pattern[at + 1] === '*') {
        at++;
        if (pattern[at + 1] === '/') {
          at++;
          out += '(?:.*/)?';
        } else out += '.*';
      } else out += '[^/]*';
    } else if (char === '?') out += '[^/]';
    else if (char === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) out += '\\[';
      else {
        out += `[${pattern
          .slice(at + 1, end)
          .replace(/^!/, '^')
          .replaceAll('\\', '\\\\')}]`;
        at = end;
      }
    } else if (char === '\\' && at + 1 < pattern.length)
      out += pattern[++at]!.replace(/[\\^$.|?*+()[\]{}]/, '\\$&');
    else out += char.replace(/[\\^$.|?*+()[\]{}]/, '\\$&');
  }
  return new RegExp(`${out}$`);
}
