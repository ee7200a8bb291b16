import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';

/** A file of the kernel, or of the engine, is read up to here, in bytes: a hostile one must not fill the memory. */
const LARGEST = 256 * 1024;
const chunk = Buffer.allocUnsafe(64 * 1024);

/**
 * A file's text, or its beginning; undefined where it cannot be read. For files of /proc and of the engine's own folders,
 * never for a path inside a container.
 */
export function readBeginning(path: string, most = LARGEST): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    let text = '';
    for (let size = 0; size < most; ) {
      const count = readSync(fd, chunk, 0, Math.min(chunk.length, most - size), null);
      if (count === 0) break;
      text += chunk.toString('utf8', 0, count);
      size += count;
    }
    return text;
  } catch {
    return undefined; // a process that ended meanwhile
  } finally {
    closeSync(fd);
  }
}

/** The value of `Name:` in /proc/PID/status. */
export function statusField(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
}

/** Whether a signal (SIGSTOP and its kin), or who traces it, holds a process. */
export const isStopped = (pid: number): boolean =>
  /^t\b/i.test(statusField(readBeginning(`/proc/${pid}/status`) ?? '', 'State'));

/** The number of a process's namespace; undefined for a process that is gone. */
export function namespaceId(pid: number | 'self', type: string): number | undefined {
  try {
    const [, id] = /\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/${type}`)) ?? [];
    return id === undefined ? undefined : Number(id);
  } catch {
    return undefined;
  }
}

/** Lets the event loop serve others between slices of synchronous reads. */
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
