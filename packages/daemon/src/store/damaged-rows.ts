import type { DatabaseSync } from 'node:sqlite';
import { log } from '../base/log.ts';

/**
 * Rows that cannot be read, in a table of their own: one of them is no reason to refuse all others. They stay there, and
 * what belongs to them on the disk is kept, until somebody repairs or deletes them.
 */
export class DamagedRows {
  private readonly db: DatabaseSync;
  private readonly path: string;
  /** Keys by collection. */
  private readonly keys = new Map<string, Set<string>>();

  constructor(db: DatabaseSync, path: string) {
    this.db = db;
    this.path = path;
    if (!db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'damaged_rows'`).get()) return;
    for (const { collection, key } of db.prepare('SELECT collection, key FROM damaged_rows').all() as Array<{
      collection: string;
      key: string;
    }>)
      this.note(collection, key);
  }

  /** The keys of a collection's rows that could not be read. */
  of(collection: string): ReadonlySet<string> {
    return this.keys.get(collection) ?? new Set();
  }

  /** Moves a row here. @throws errors of SQLite (a full disk): it is where it was then */
  move(collection: string, key: string, reason: string): void {
    this.db.exec(
      'CREATE TABLE IF NOT EXISTS damaged_rows ' +
        '(collection TEXT, key TEXT, value, reason TEXT, found_at TEXT, PRIMARY KEY (collection, key))',
    );
    this.db.exec('SAVEPOINT damaged');
    try {
      this.db
        .prepare(
          `INSERT OR REPLACE INTO damaged_rows SELECT ?, key, value, ?, datetime() FROM "${collection}" WHERE key = ?`,
        )
        .run(collection, reason, key);
      this.db.prepare(`DELETE FROM "${collection}" WHERE key = ?`).run(key);
      this.db.exec('RELEASE damaged');
    } catch (error) {
      this.db.exec('ROLLBACK TO damaged; RELEASE damaged');
      throw error;
    }
    this.note(collection, key);
    log.error(
      { database: this.path, collection, key, reason },
      'a record cannot be used and was put aside in the table damaged_rows; its files stay. Stop berthd and put the ' +
        'repaired row back to have it again, or delete it there to have its files removed by the next start',
    );
  }

  private note(collection: string, key: string): void {
    const known = this.keys.get(collection);
    if (known) known.add(key);
    else this.keys.set(collection, new Set([key]));
  }
}
