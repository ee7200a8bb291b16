import { fstatSync, rmSync, writeFileSync, writeSync } from 'node:fs';

/* Blocks that are kept for the time when the disk is full. */

/** Bytes that the log has from the beginning. */
const RESERVED = 512 * 1024;

/**
 * Bytes set aside for the database to grow by when a full disk makes the log be folded in. The log is folded before its rows
 * are a quarter of that: half-empty pages and overflow pages take more than the rows.
 */
export const SPARE = 2 * 1024 * 1024;

/**
 * Gives the log blocks for the changes to come, so that a removal can be recorded on a disk that has become full. SQLite
 * ignores what follows the log's last frame.
 */
export function reserveLog(logFd: number): void {
  const { size } = fstatSync(logFd);
  if (size >= RESERVED) return;
  try {
    writeSync(logFd, Buffer.alloc(RESERVED - size), 0, RESERVED - size, size);
  } catch {
    // There is no room any more: a removal makes some.
  }
}

/** Sets blocks aside that let the database grow on a full disk. @returns false when there is no room for them */
export function setSpareAside(path: string): boolean {
  try {
    writeFileSync(path, Buffer.alloc(SPARE), { mode: 0o600 });
    return true;
  } catch {
    rmSync(path, { force: true });
    return false;
  }
}
