import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Collection } from './api.ts';

/** One collection: the values in memory, and the keys whose row is behind. */
export class Table<T> implements Collection<T> {
  private readonly rows = new Map<string, T>();
  private changed = new Set<string>();
  /** Rows that are no values, with the reason of each. */
  readonly unreadable = new Map<string, string>();
  private readonly upsert: StatementSync;
  private readonly erase: StatementSync;
  private readonly touch: (table: Table<unknown>) => void;

  constructor(db: DatabaseSync, name: string, touch: (table: Table<unknown>) => void) {
    this.touch = touch;
    for (const row of db.prepare(`SELECT key, value FROM "${name}"`).iterate()) {
      const key = row['key'] as string;
      try {
        this.rows.set(key, parsed(row['value']) as T);
      } catch (error) {
        this.unreadable.set(key, (error as Error).message);
      }
    }
    this.upsert = db.prepare(
      `INSERT INTO "${name}" VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    );
    this.erase = db.prepare(`DELETE FROM "${name}" WHERE key = ?`);
  }

  get size(): number {
    return this.rows.size;
  }

  get(key: string): T | undefined {
    return this.rows.get(key);
  }

  has(key: string): boolean {
    return this.rows.has(key);
  }

  values(): IterableIterator<T> {
    return this.rows.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.rows.entries();
  }

  put(key: string, value: T): void {
    this.rows.set(key, value);
    this.mark(key);
  }

  delete(key: string): boolean {
    if (!this.rows.delete(key)) return false;
    this.mark(key);
    return true;
  }

  private mark(key: string): void {
    this.changed.add(key);
    this.touch(this as Table<unknown>);
  }

  /** Takes a value out of memory alone: its row is somewhere else by now. */
  forget(key: string): void {
    this.rows.delete(key);
    this.changed.delete(key);
  }

  /** Writes what changed, inside the store's transaction. @returns the bytes of the rows that were written */
  write(): number {
    let bytes = 0;
    for (const key of this.changed) {
      const value = this.rows.get(key);
      if (value === undefined) {
        this.erase.run(key);
        continue;
      }
      const text = JSON.stringify(value);
      this.upsert.run(key, text);
      bytes += text.length;
    }
    return bytes;
  }

  committed(): void {
    this.changed.clear();
  }
}

/** No record is null. @throws why a row's text is no value */
function parsed(text: unknown): unknown {
  if (typeof text !== 'string') throw new TypeError('it is not text');
  const value: unknown = JSON.parse(text);
  if (value === null) throw new TypeError('it is null');
  return value;
}
