import { mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes this process's id. A file left by a daemon that died, even when another program has its number now, is replaced.
 * @throws when a daemon that wrote it still runs (`process with PID 1 is still running`).
 */
export function writePidfile(path: string): { remove(): void } {
  const holder = runningDaemon(path);
  if (holder !== undefined)
    throw new Error(
      `failed to start daemon, ensure the daemon is not running or delete ${path}: process with PID ${holder} is still running`,
    );
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, String(process.pid), { mode: 0o644 });
  renameSync(fresh, path);
  return {
    remove() {
      try {
        if (readFileSync(path, 'utf8').trim() === String(process.pid)) unlinkSync(path);
      } catch {
        // It is gone, or another daemon's.
      }
    },
  };
}

function runningDaemon(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
    // A pid is soon given to another program: only a berthd counts.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('berthd') ? pid : undefined;
  } catch {
    return undefined;
  }
}
