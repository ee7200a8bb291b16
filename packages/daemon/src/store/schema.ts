import type { DatabaseSync } from 'node:sqlite';
import { systemError } from '../base/errors.ts';

/** The schema's version; a database of a newer one is refused, an older one is brought up by `migrations`. */
const SCHEMA = 1;

/** `migrations[n]` turns a database of version n into one of version n + 1. */
const migrations: Array<(db: DatabaseSync) => void> = [() => undefined];

/** Brings a database up to the present schema. @throws system for one of a newer Berth */
export function migrate(db: DatabaseSync, path: string): void {
  const row = db.prepare('PRAGMA user_version').get() as { user_version: number };
  let version = row.user_version;
  if (version > SCHEMA)
    throw systemError(
      `the database ${path} has schema version ${version}; this Berth knows ${SCHEMA}: use the newer Berth that wrote it`,
    );
  for (; version < SCHEMA; version += 1) {
    db.exec('BEGIN');
    migrations[version]?.(db);
    db.exec(`PRAGMA user_version=${version + 1}; COMMIT`);
  }
}
