import { posix } from 'node:path';
import { BadPatternError, compileGlob, type Glob } from '@berth/patterns';
import { CliError } from '../base/errors.ts';

/** One pattern of a .dockerignore. */
interface Pattern {
  /** As written, without `!`, cleaned. */
  readonly text: string;
  /** Begins with `!`: takes back what earlier patterns left out. */
  readonly exception: boolean;
  readonly glob: Glob;
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
    let ignored = false;
    // A pattern that could change nothing need not be tried.
    for (const { exception, glob } of this.patterns)
      if (exception === ignored && glob.testWithParents(path)) ignored = !exception;
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
  try {
    return { text, exception, glob: compileGlob(text, { deep: true }) };
  } catch (error) {
    if (!(error instanceof BadPatternError)) throw error;
    throw new CliError(`error checking context: syntax error in pattern: ${JSON.stringify(text)}`);
  }
}
