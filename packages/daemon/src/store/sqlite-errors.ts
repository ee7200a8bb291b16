import { systemError } from '../base/errors.ts';

/* SQLite's errors in words that say what to do. */

/** Result codes (sqlite3.h). */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** Whether the disk had no room for it. */
export const isFull = (error: unknown) => (error as { errcode?: number }).errcode === SQLITE_FULL;

/** Does something with the database at `path`. @throws system for one that is used by another daemon, or damaged */
export function withDatabase<R>(path: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    const code = (error as { errcode?: number }).errcode ?? 0;
    const primary = code & 0xff;
    if (primary === SQLITE_BUSY || primary === SQLITE_LOCKED)
      throw systemError(`the database ${path} is in use: is another berthd running on this data root?`);
    if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB)
      throw damagedError(path, (error as Error).message, error);
    throw error;
  }
}

function damagedError(path: string, reason: string, cause: unknown): Error {
  return systemError(
    `the database ${path} is damaged (${reason}): restore it from a copy, or move it away to start with nothing but the volumes`,
    cause,
  );
}
