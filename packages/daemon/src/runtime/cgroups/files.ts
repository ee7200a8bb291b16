import { open, readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemError } from '../../base/errors.ts';
import type { WayBack } from '../api.ts';

/** The name of a failed call's errno, such as `ENOENT`; undefined for other errors. */
export const errno = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A file's text; '' when it is missing. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

const WORDS: Record<string, string> = {
  EINVAL: 'invalid argument',
  ENOENT: 'no such file or directory',
  EBUSY: 'device or resource busy',
  ERANGE: 'numerical result out of range',
  ENOSPC: 'no space left on device',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENODEV: 'no such device',
  ESRCH: 'no such process',
};

/** Writes a value into a cgroup's file, in one write. @throws system in runc's words. */
export async function writeText(path: string, value: string): Promise<void> {
  try {
    const handle = await open(path, 'w');
    try {
      await handle.write(value);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errno(error) ?? '';
    throw systemError(
      `failed to write ${JSON.stringify(value)}: write ${path}: ${WORDS[code] ?? (error as Error).message}`,
      error,
    );
  }
}

/**
 * Writes values into files of a cgroup, in their order; where one is refused, those before have again what they had.
 * Returns the way back from all of them.
 * @throws system in runc's words
 */
export async function writeAll(writes: ReadonlyArray<{ path: string; value: string }>): Promise<WayBack> {
  const former: Array<{ path: string; value: string }> = [];
  const back = async () => {
    // A line that can only be read (`Total 0`), or that the kernel does not take again, must not hold up the others.
    for (const { path, value } of former) await writeText(path, value).catch(() => undefined);
  };
  try {
    for (const { path, value } of writes) {
      const lines = (await readText(path)).trim().split('\n');
      await writeText(path, value);
      // Tables by device take one line at a time; an empty write would say nothing.
      former.unshift(...lines.map((line) => ({ path, value: line || '\n' })));
    }
  } catch (error) {
    await back();
    throw error;
  }
  return back;
}

/** Process ids of a cgroup and of those below it. */
export async function processesBelow(path: string): Promise<number[]> {
  const own = (await readText(join(path, 'cgroup.procs'))).split('\n').filter(Boolean).map(Number);
  const below = await Promise.all((await foldersIn(path)).map((name) => processesBelow(join(path, name))));
  return [...own, ...below.flat()];
}

/** Names of the folders in a folder; none when it is missing. @throws errors of readdir(3) */
export async function foldersIn(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

const REMOVE_TRIES = 100;
const REMOVE_PAUSE = 10; // milliseconds

/**
 * Removes a cgroup with those below it, killing what is left inside. Succeeds when it is not there.
 * @throws system when processes stay.
 */
export async function removeFolder(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await rmdir(path);
      return;
    } catch (error) {
      if (errno(error) === 'ENOENT') return;
      if (errno(error) !== 'EBUSY' && errno(error) !== 'ENOTEMPTY') throw error;
      if (tries === REMOVE_TRIES) throw systemError(`cgroup ${path} is still in use`, error);
    }
    for (const name of await foldersIn(path)) await removeFolder(join(path, name));
    // A task that has just ended still counts for a moment; a living one is killed.
    for (const pid of await processesBelow(path)) killProcess(pid);
    await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE));
  }
}

/** SIGKILL, for a process that may have gone. */
export function killProcess(pid: number): void {
  try {
    if (pid > 1) process.kill(pid, 'SIGKILL');
  } catch {
    // it has gone by itself
  }
}

/** Waits until `check` holds. @throws system with `what` after some seconds. */
export async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (let pause = 1; !(await check()); pause = Math.min(pause * 2, 50)) {
    if (Date.now() > deadline) throw systemError(what);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
