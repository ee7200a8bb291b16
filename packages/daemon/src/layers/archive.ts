import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError, invalidParameter, notFound, systemError } from '../base/errors.ts';
import { decompressed } from './adding/compression.ts';
import type { Archive } from './api.ts';
import { fed } from './feeding.ts';
import { type Helper, lowerWords, type Options } from './helper.ts';
import { reading, reported } from './reading.ts';
import type { Writables } from './writable.ts';

export interface Target {
  pid?: number;
  folder?: string;
  binds?: Array<{ source: string; subpath?: string; destination: string; readonly: boolean }>;
}

type Stat = Awaited<ReturnType<Archive['stat']>>;

/** A path's status as the helper reports it. */
interface RawStat {
  mode: number;
  size: number;
  seconds: number;
  nanoseconds: number;
  linkTarget: string;
}

/** A container's files, by way of helpers that enter its root. Paths are taken and errors worded as dockerd does. */
export function openArchive(helper: Helper, writables: Writables, owner: string, target: Target): Archive {
  const places = () => {
    const options: Options = { pid: target.pid };
    return { options, rest: target.pid === undefined ? rootWords(writables, owner, target) : [] };
  };

  /** For one that only looks, read-only where nothing need be made for it: that takes no work folder, nor room on a full disk. */
  const looks = () =>
    target.pid === undefined && !target.folder && !target.binds?.length
      ? { options: {}, rest: exportWords(writables, owner) }
      : places();

  async function exported(options: Options, rest: string[]): Promise<Readable> {
    const run = helper.start('archive', { op: 'export', ...options }, rest, ['ignore', 'pipe']);
    return (await reported(run)).tar;
  }

  /** The helper knows no names of containers. A bad archive is no bad request to dockerd. */
  function told(error: unknown, path: string): unknown {
    if (error instanceof BerthError && error.code === 'tar') return systemError(error.message, error);
    if (error instanceof BerthError && error.code === 'not-found')
      return notFound(`Could not find the file ${path} in container ${owner}`, error);
    return error;
  }

  return {
    async stat(path) {
      checkLength(path);
      const { options, rest } = looks();
      try {
        return toStat(path, await helper.run<RawStat>('archive', { op: 'stat', path, ...options }, rest));
      } catch (error) {
        throw told(error, path);
      }
    },

    async get(path) {
      checkLength(path);
      const { options, rest } = looks();
      const full = absolute(path);
      const words = { op: 'get', path: full, base: goBase(full), ...options };
      try {
        const run = helper.start<RawStat>('archive', words, rest, ['ignore', 'pipe']);
        const { report, tar } = await reported(run);
        return { stat: toStat(full, report), tar };
      } catch (error) {
        throw told(error, path);
      }
    },

    async put(path, tar, { noOverwriteDirNonDir, owner: user, signal }) {
      signal?.throwIfAborted();
      checkLength(path);
      const { options, rest } = places();
      const body = await decompressed(tar);
      const words = {
        op: 'put',
        path: absolute(path),
        'keep-kinds': noOverwriteDirNonDir ? 'yes' : undefined,
        owner: user || undefined,
        ...options,
      };
      const run = helper.start<object>('archive', words, rest, ['pipe', 'ignore']);
      try {
        await fed(run, body, signal);
      } catch (error) {
        throw told(error, path);
      }
    },

    async user(spec) {
      const { options, rest } = looks();
      return await helper.run('archive', { op: 'user', user: spec, ...options }, rest);
    },

    async export() {
      if (target.pid === undefined) return exported({}, exportWords(writables, owner));
      try {
        return await exported({ pid: target.pid }, []);
      } catch (error) {
        if (!(error instanceof BerthError) || error.code !== 'gone') throw error;
        // The process has ended meanwhile.
        return exported({}, exportWords(writables, owner));
      }
    },
  };
}

/** The changes of a container, as `docker diff` tells them, a folder before its contents: JSON, a line for each. */
export async function readChanges(helper: Helper, writables: Writables, owner: string): Promise<Buffer[]> {
  const run = helper.start('changes', ...compareWords(writables, owner), ['ignore', 'pipe']);
  const chunks: Buffer[] = [];
  for await (const chunk of reading(run)) chunks.push(chunk as Buffer);
  return chunks;
}

/** The same changes as a layer's tar. */
export function readDiff(helper: Helper, writables: Writables, owner: string): Readable {
  return reading(helper.start('diff', ...compareWords(writables, owner), ['ignore', 'pipe']));
}

function compareWords(writables: Writables, owner: string): [Options, string[]] {
  const { lower, upper } = writables.peek(owner);
  return [{ upper, started: writables.wasUsed(owner) ? 'yes' : undefined }, lowerWords(lower)];
}

function exportWords(writables: Writables, owner: string): string[] {
  const { lower, upper } = writables.peek(owner);
  return ['folder', upper, ...lowerWords(lower)];
}

function rootWords(writables: Writables, owner: string, { folder, binds = [] }: Target): string[] {
  const { lower, upper } = writables.peek(owner);
  const mounts = binds.flatMap(({ source, subpath = '', destination, readonly }) => [
    'bind',
    source,
    subpath,
    destination,
    readonly ? 'ro' : 'rw',
  ]);
  const made = folder === undefined ? [] : ['make', folder];
  return [...lowerWords(lower), 'upper', upper, ...made, ...mounts];
}

/** Bytes of a path that are looked at: a program's argument holds 128 KiB, a path of the kernel 4. */
const MAX_PATH = 64 * 1024;

/** @throws invalid-parameter for a path that no program could be given. */
function checkLength(path: string): void {
  if (Buffer.byteLength(path) > MAX_PATH) throw invalidParameter(`path: it has more than ${MAX_PATH} bytes`);
}

/** The path from the root; a slash or `/.` at its end is kept, since it asks for a folder. */
function absolute(path: string): string {
  let clean = posix.normalize(`/${path}`);
  if (clean.length > 1 && clean.endsWith('/')) clean = clean.slice(0, -1);
  if (goBase(path) === '.') clean = clean.endsWith('/') ? `${clean}.` : `${clean}/.`;
  if (path.endsWith('/') && !clean.endsWith('/')) return `${clean}/`;
  return clean;
}

/** Go's filepath.Base. */
function goBase(path: string): string {
  if (path === '') return '.';
  // No pattern: it would look at a long run of slashes once for each of them.
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return end === 0 ? '/' : path.slice(path.lastIndexOf('/', end - 1) + 1, end);
}

function toStat(path: string, raw: RawStat): Stat {
  return {
    name: goBase(path),
    size: raw.size,
    mode: goMode(raw.mode),
    mtime: goTime(raw.seconds, raw.nanoseconds),
    linkTarget: raw.linkTarget,
  };
}

const GO_TYPES = new Map([
  [0o040000, 2 ** 31], // folder
  [0o120000, 2 ** 27], // symbolic link
  [0o060000, 2 ** 26], // block device
  [0o020000, 2 ** 26 + 2 ** 21], // character device
  [0o010000, 2 ** 25], // named pipe
  [0o140000, 2 ** 24], // socket
]);

/** The kernel's st_mode as Go's os.FileMode. */
function goMode(mode: number): number {
  let value = (GO_TYPES.get(mode & 0o170000) ?? 0) + (mode & 0o777);
  if (mode & 0o4000) value += 2 ** 23;
  if (mode & 0o2000) value += 2 ** 22;
  if (mode & 0o1000) value += 2 ** 20;
  return value;
}

/** RFC 3339 with as many digits of a second as it takes. */
function goTime(seconds: number, nanoseconds: number): string {
  const whole = new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, '');
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  return `${whole}${fraction}Z`;
}
