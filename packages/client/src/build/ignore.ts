import { posix } from 'node:path';
import { CliError } from '../base/errors.ts';

/** One pattern of a .dockerignore. */
interface Pattern {
  /** As written, without `!`, cleaned. */
  readonly text: string;
  /** Begins with `!`: takes back what earlier patterns left out. */
  readonly exception: boolean;
  readonly expression: RegExp;
}

/**
 * The paths a build context leaves out, by the rules of .dockerignore: the last pattern that matches a path, or a
 * folder
 * above it, decides (https://docs.docker.com/build/concepts/context/#dockerignore-files).
 */
export class IgnoreRules {
  private readonly patterns: readonly Pattern[];

  /** Throws CliError for a pattern that is none. */
  constructor(lines: readonly string[]) {
    this.patterns = lines.map(parsePattern);
  }

  /** The path, relative to the context with `/` between, is left out. */
  ignores(path: string): boolean {
    const parts = path.split('/');
    let ignored = false;
    for (const { exception, expression } of this.patterns) {
      // A pattern that could change nothing need not be tried.
      if (exception !== ignored) continue;
      for (let count = parts.length; count > 0; count--)
        if (expression.test(parts.slice(0, count).join('/'))) {
          ignored = !exception;
          break;
        }
    }
    return ignored;
  }

  /** An exception may bring back something inside a folder that is left out, so that it must be looked into. */
  mayHoldExceptions(folder: string): boolean {
    return this.mayMatchBelow(folder, true);
  }

  /** A pattern without `!` may match something inside a folder. */
  mayHold(folder: string): boolean {
    return this.mayMatchBelow(folder, false);
  }

  private mayMatchBelow(folder: string, exceptions: boolean): boolean {
    return this.patterns.some(({ exception, text }) => {
      if (exception !== exceptions) return false;
      const literal = text.slice(0, text.search(/[*?[\\]|$/));
      return `${text}/`.startsWith(`${folder}/`) || (literal !== text && `${folder}/`.startsWith(literal));
    });
  }
}

/** The patterns of a .dockerignore's text, as they are sent and matched. */
export function ignoreLines(text: string): string[] {
  const lines: string[] = [];
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    if (raw.startsWith('#')) continue;
    let line = raw.trim();
    if (line === '') continue;
    const exception = line.startsWith('!');
    if (exception) line = line.slice(1).trim();
    if (line !== '') {
      line = clean(line);
      if (line.length > 1 && line.startsWith('/')) line = line.slice(1);
    }
    lines.push(exception ? `!${line}` : line);
  }
  return lines;
}

const clean = (path: string): string => posix.normalize(path).replace(/(.)\/+$/, '$1');

function parsePattern(line: string): Pattern {
  const exception = line.startsWith('!');
  const text = clean(exception ? line.slice(1) : line);
  if (exception && line.length === 1) throw new CliError('illegal exclusion pattern: "!"');
  return { text, exception, expression: toExpression(text) };
}

/** A pattern of Go's filepath.Match, and `**` for any number of folders, as a regular expression. */
function toExpression(pattern: string): RegExp {
  let out = '^';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*' && pattern[at + 1] === '*') {
      at++;
      if (pattern[at + 1] === '/') at++;
      out += at === pattern.length - 1 ? '.*' : '(?:.*/)?';
    } else if (char === '*') out += '[^/]*';
    else if (char === '?') out += '[^/]';
    else if ('.+()|{}$'.includes(char)) out += `\\${char}`;
    else if (char === '\\') {
      at++;
      if (at === pattern.length) throw badPattern(pattern);
      out += /[\w\s]/.test(pattern[at]!) ? pattern[at]! : `\\${pattern[at]}`;
    } else out += char;
  }
  try {
    return new RegExp(`${out}$`, 's');
  } catch {
    throw badPattern(pattern);
  }
}

const badPattern = (pattern: string): CliError =>
  new CliError(`error checking context: syntax error in pattern: ${JSON.stringify(pattern)}`);
