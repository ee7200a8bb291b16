import { existsSync, lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { CliError } from '../base/errors.ts';
import { whyNot } from '../shared/files.ts';
import { IgnoreRules, ignoreLines } from './ignore.ts';

/** A folder of this machine as the context of a build. */
export interface FolderSource {
  /** Without symbolic links. */
  readonly folder: string;
  /** Path of the Dockerfile inside the folder, when it is there. */
  readonly dockerfile?: string;
  /** The text of a Dockerfile from elsewhere. */
  readonly dockerfileText?: Buffer;
  readonly ignore: IgnoreRules;
  /** The text of the .dockerignore in use, empty without one. */
  readonly ignoreText: string;
}

const cannotPrepare = (reason: string): CliError => new CliError(`unable to prepare context: ${reason}`);

/** The URL of a context that the daemon fetches itself: http(s) or git, in all the forms Docker takes; else nothing. */
export function remoteContext(argument: string): string | undefined {
  if (/^(https?:\/\/|git:\/\/|ssh:\/\/|github\.com\/)/.test(argument)) return argument;
  if (/^git@[^:]+:/.test(argument)) return argument;
  return undefined;
}

/**
 * Finds the folder and the Dockerfile of a build. `file` is the `-f` of the command line, relative to the working
 * folder; `-` takes the Dockerfile from `input`. Throws CliError with Docker's reason.
 */
export function folderSource(path: string, file: string, input: () => Buffer): FolderSource {
  let folder: string;
  try {
    folder = realpathSync(resolve(path));
  } catch {
    throw cannotPrepare(`path ${JSON.stringify(path)} not found`);
  }
  if (!statSync(folder).isDirectory()) throw cannotPrepare(`context must be a directory: ${folder}`);
  if (file === '-') return withRules(folder, undefined, input());
  const named = locate(folder, file);
  const inside = relative(folder, named);
  if (inside.startsWith('../') || inside === '..' || isAbsolute(inside))
    return withRules(folder, undefined, read(named), named);
  return withRules(folder, inside, undefined, named);
}

/** The path of the Dockerfile without symbolic links in its folders. */
function locate(folder: string, file: string): string {
  let wanted = file ? resolve(file) : join(folder, 'Dockerfile');
  // Written in lower case it is found as well, if nobody asked for another.
  if (!file && !existsSync(wanted) && existsSync(join(folder, 'dockerfile')))
    wanted = join(folder, 'dockerfile');
  try {
    lstatSync(wanted);
    const real = realpathSync(wanted);
    const kind = statSync(real);
    if (kind.isDirectory())
      throw new CliError(`unable to prepare context: Dockerfile ${wanted} is a directory`);
    // A link is sent under its own name, unless it leads out of the context.
    const byName = join(realpathSync(dirname(wanted)), wanted.slice(dirname(wanted).length + 1));
    return relative(folder, real).startsWith('..') ? real : byName;
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw cannotPrepare(`unable to evaluate symlinks in Dockerfile path: lstat ${wanted}: ${whyNot(error)}`);
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(`unable to open Dockerfile: open ${path}: ${whyNot(error)}`);
  }
}

/** Adds the rules of `<Dockerfile>.dockerignore`, or of the context's .dockerignore. */
function withRules(
  folder: string,
  dockerfile?: string,
  dockerfileText?: Buffer,
  named?: string,
): FolderSource {
  const own = named && `${named}.dockerignore`;
  const file = own && existsSync(own) ? own : join(folder, '.dockerignore');
  let ignoreText = '';
  try {
    ignoreText = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new CliError(`error reading .dockerignore: open ${file}: ${whyNot(error)}`);
  }
  const lines = ignoreLines(ignoreText);
  const rules = new IgnoreRules(lines);
  // The daemon needs both, whatever the rules say; it leaves them out of the build again.
  for (const needed of ['.dockerignore', ...(dockerfile ? [dockerfile] : [])])
    if (rules.ignores(needed)) lines.push(`!${needed}`);
  return {
    folder,
    ...(dockerfile ? { dockerfile } : {}),
    ...(dockerfileText ? { dockerfileText } : {}),
    ignore: new IgnoreRules(lines),
    ignoreText,
  };
}
