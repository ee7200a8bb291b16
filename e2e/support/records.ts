import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestDaemon } from './daemon.ts';

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a record
export type Row = Record<string, any>;

/** Changes a record of a daemon's database; the daemon must not run. */
export function changeRecord(
  { folder }: TestDaemon,
  table: string,
  key: string,
  change: (row: Row) => Row,
): void {
  const db = new DatabaseSync(join(folder, 'data/berth.db'));
  try {
    const { value } = db.prepare(`SELECT value FROM "${table}" WHERE key = ?`).get(key) as { value: string };
    const changed = JSON.stringify(change(JSON.parse(value) as Row));
    db.prepare(`UPDATE "${table}" SET value = ? WHERE key = ?`).run(changed, key);
  } finally {
    db.close();
  }
}
