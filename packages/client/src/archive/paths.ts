import { basename, dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import { CliError } from '../base/errors.ts';

/**
 * The rules by which `cp` decides what a copy is called and where it goes. They hang on how a path ends: `dir/.` means
 * what is in the folder, `dir/` says that it is a folder.
 */
export interface CopyEnd {
  path: string;
  exists: boolean;
  isFolder: boolean;
  /** The name its entries shall have in place of the path's last part. */
  rebase?: string;
}

/** Whether a path ends with a separator. */
const endsWithSlash = (path: string): boolean => path.endsWith('/');
/** Whether a path means the contents of a folder. */
const endsWithDot = (path: string): boolean => path === '.' || path.endsWith('/.');
/** Whether a path claims to be a folder. */
const claimsFolder = (path: string): boolean => endsWithSlash(path) || endsWithDot(path);

const clean = (path: string): string => {
  const cleaned = normalize(path);
  return cleaned.length > 1 ? cleaned.replace(/\/+$/, '') : cleaned;
};

/** Makes a path absolute and keeps its telling end. */
export function absolute(path: string): string {
  return keepEnd(resolve(path), path);
}

/** `path` with the `/` or `/.` at the end of `original`. */
export function keepEnd(path: string, original: string): string {
  if (endsWithDot(original) && !endsWithDot(path)) return path.endsWith('/') ? `${path}.` : `${path}/.`;
  if (endsWithSlash(original) && !endsWithSlash(path)) return `${path}/`;
  return path;
}

/** A path's folder and its last part, which is `.` for the contents of a folder. */
export function splitEnd(path: string): [folder: string, base: string] {
  const cleaned = clean(path);
  if (endsWithDot(path)) return [cleaned, '.'];
  return [dirname(cleaned), basename(cleaned) || '/'];
}

/** The new name of entries when a link was followed: what the user called it. */
export function rebaseName(path: string, resolved: string): { path: string; rebase?: string } {
  let target = resolved;
  // The contents of a folder keep their names.
  if (endsWithDot(path)) target = keepEnd(target, path);
  else if (endsWithSlash(path) && !endsWithSlash(target)) target += '/';
  if (endsWithDot(path)) return { path: target };
  const wanted = basename(clean(path));
  return wanted === basename(clean(target)) ? { path: target } : { path: target, rebase: wanted };
}

/** The target of the entries, and which name replaces which at their beginning. */
export interface CopyPlan {
  folder: string;
  from?: string;
  to?: string;
}

/** Decides it. Throws CliError where the kinds do not fit. */
export function planCopy(source: CopyEnd, target: CopyEnd): CopyPlan {
  if (target.exists && target.isFolder) return { folder: target.path };
  const [folder, to] = splitEnd(target.path);
  const from = source.rebase ?? splitEnd(source.path)[1];
  if (target.exists && source.isFolder) throw new CliError('cannot copy directory');
  if (!target.exists && !source.isFolder && claimsFolder(target.path))
    throw new CliError('no such directory');
  return { folder, from, to };
}

/** The name of an entry with its first part replaced. */
export function renamed(name: string, from: string | undefined, to: string | undefined): string {
  if (from === undefined || to === undefined || from === to) return name;
  const old = from === '/' ? '' : from;
  if (name === old || name.startsWith(`${old}/`)) return to + name.slice(old.length);
  return old === '' ? join(to, name) : name;
}

/** Splits `container:path`; a path alone has no container. */
export function splitTarget(text: string): [container: string, path: string] {
  if (isAbsolute(text)) return ['', text];
  const colon = text.indexOf(':');
  // A relative path may hold a colon when it starts with a dot.
  if (colon < 0 || text.startsWith('.')) return ['', text];
  return [text.slice(0, colon), text.slice(colon + 1)];
}
