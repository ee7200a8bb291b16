import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { systemError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { Collection, Store } from './api.ts';
import { DamagedRows } from './damaged-rows.ts';
import { datasync, syncDirectoryNow } from './disk.ts';
import { reserveLog, SPARE, Spare } from './reserve.ts';
import { migrate } from './schema.ts';
import { isFull, withDatabase } from './sqlite-errors.ts';
import { Table } from './table.ts';

/** Pages in the log after which it is folded into the database (4 KiB each). */
const CHECKPOINT_PAGES = 4096;

/**
 * Opens (or makes) the database at `path`. The file stays locked for as long as the store is open, so that two daemons
 * never share a data root.
 * @throws system: the file is damaged, of a newer Berth, or used by another daemon.
 */
export function openStore(path: string): Store {
  return new SqliteStore(path);
}

/**
 * Commits go to SQLite's write-ahead log without a sync (synchronous=OFF), which costs well under a millisecond; `flush`
 * then syncs the log in the thread pool, so that the event loop never waits for the disk. A log that was not synced
 * loses its last transactions in a power cut, never its order; a killed process loses nothing.
 */
class SqliteStore implements Store {
  private readonly db: DatabaseSync;
  private readonly path: string;
  private readonly logFd: number;
  private readonly dataFd: number;
  private readonly tables = new Map<string, Table<unknown>>();
  private readonly damagedRows: DamagedRows;
  private readonly dirty = new Set<Table<unknown>>();
  private readonly begin: StatementSync;
  private readonly commitStatement: StatementSync;
  private scheduled = false;
  /** A sync that started after the commits it covers; `next` is the one that later callers share. */
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private unsynced = false;
  /** Transactions in the log, and the bytes of their rows. */
  private commits = 0;
  private bytes = 0;
  /** While the log is folded in, nothing may be appended to it. */
  private folding = false;
  private closed = false;
  private readonly spare: Spare;

  constructor(path: string) {
    this.path = path;
    this.spare = new Spare(`${path}-reserve`);
    this.db = withDatabase(this.path, () => new DatabaseSync(path, { timeout: 0 }));
    try {
      withDatabase(this.path, () => {
        this.db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;');
        migrate(this.db, path);
      });
      withDatabase(this.path, () => this.foldIn());
      this.db.exec('PRAGMA synchronous=OFF;');
      this.damagedRows = new DamagedRows(this.db, path);
      this.begin = this.db.prepare('BEGIN IMMEDIATE');
      this.commitStatement = this.db.prepare('COMMIT');
      // POSIX locks go when any descriptor of the file is closed: this one lives as long as the store.
      this.dataFd = openSync(path, 'r+');
      this.logFd = openSync(`${path}-wal`, 'r+');
      reserveLog(this.logFd);
      this.spare.refill();
      syncDirectoryNow(dirname(path));
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  collection<T>(name: string): Collection<T> {
    const known = this.tables.get(name);
    if (known) return known as Table<T>;
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new TypeError(`not a name of a collection: ${name}`);
    const table = withDatabase(this.path, () => {
      this.db.exec(
        `CREATE TABLE IF NOT EXISTS "${name}" (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
      );
      const read = new Table<T>(this.db, name, (changed) => this.touch(changed));
      for (const [key, reason] of read.unreadable) this.damagedRows.move(name, key, reason);
      return read;
    });
    this.unsynced = true;
    this.tables.set(name, table as Table<unknown>);
    return table;
  }

  damaged(collection: string): ReadonlySet<string> {
    return this.damagedRows.of(collection);
  }

  putAside(collection: string, key: string, reason: string): void {
    this.commit();
    this.damagedRows.move(collection, key, reason);
    this.tables.get(collection)?.forget(key);
    this.unsynced = true;
  }

  async flush(): Promise<void> {
    if (!this.folding) this.commit();
    if (!this.unsynced && !this.folding) return this.running ?? Promise.resolve();
    if (this.next) return this.next;
    if (!this.running) return this.startSync();
    this.next = this.running
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        return this.startSync();
      });
    return this.next;
  }

  async flushOr(undo: () => unknown): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      await undo();
      await this.flushOrLater();
      throw error;
    }
  }

  async flushOrLater(): Promise<void> {
    // The failure is in the log already, and the commit is tried again until it succeeds.
    await this.flush().catch(() => this.touchAgain());
  }

  close(): void {
    if (this.closed) return;
    this.folding = false;
    this.commit();
    this.closed = true;
    this.db.exec('PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(TRUNCATE);');
    this.db.close();
    closeSync(this.logFd);
    closeSync(this.dataFd);
  }

  /**
   * Makes room for records on a full disk: the log is folded into the database, which the reserve lets grow, and its blocks
   * are written from the start again. It waits for the disk, as an event loop must not anywhere else.
   */
  private makeRoom(): void {
    fdatasyncSync(this.logFd);
    for (let more = true; more; ) {
      more = this.spare.give();
      try {
        this.db.exec('PRAGMA wal_checkpoint(PASSIVE)');
        break;
      } catch (error) {
        if (!more || !isFull(error)) throw error;
      }
    }
    fdatasyncSync(this.dataFd);
    this.commits = 0;
    this.bytes = 0;
  }

  /** Takes what the log of an earlier daemon has into the database. A full disk can wait: the log is read as well. */
  private foldIn(): void {
    try {
      this.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      if (!isFull(error)) throw error;
      log.warn({ path: this.path }, 'the disk is full: nothing can be recorded until something is removed');
    }
  }

  private touch(table: Table<unknown>): void {
    if (this.closed) throw new Error('the store is closed');
    this.dirty.add(table);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.commitSoon());
  }

  /** After a failed flush: a later commit brings what it could not. */
  private touchAgain(): void {
    if (this.scheduled || this.closed || this.dirty.size === 0) return;
    this.scheduled = true;
    setTimeout(() => this.commitSoon(), 1000).unref();
  }

  private commitSoon(): void {
    this.scheduled = false;
    if (this.folding || this.closed) return;
    try {
      this.commit();
    } catch (error) {
      // Callers that need the record durable learn of it from their own flush; the rest waits for room on the disk.
      log.error({ err: error }, 'a change could not be recorded; trying again');
      this.touchAgain();
    }
  }

  private commit(): void {
    if (this.dirty.size === 0) return;
    try {
      try {
        this.write();
      } catch (error) {
        // A log that nothing was added to since it was folded in gives no room.
        if (!isFull(error) || this.commits === 0) throw error;
        this.makeRoom();
        this.write();
      }
    } catch (error) {
      const advice = isFull(error) ? ': make room on its file system, removals are still possible' : '';
      throw systemError(
        `cannot write to the database ${this.path}: ${(error as Error).message}${advice}`,
        error,
      );
    }
    for (const table of this.dirty) table.committed();
    this.dirty.clear();
    this.unsynced = true;
    this.commits += 1;
  }

  /** One transaction. Records that could not be written stay marked, so that a later one brings them. */
  private write(): void {
    this.begin.run();
    try {
      let bytes = 0;
      for (const table of this.dirty) bytes += table.write();
      this.commitStatement.run();
      this.bytes += bytes;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  private startSync(): Promise<void> {
    if (!this.folding) this.commit();
    this.unsynced = false;
    const done = this.sync().finally(() => {
      if (this.running === done) this.running = undefined;
    });
    this.running = done;
    return done;
  }

  private async sync(): Promise<void> {
    if (this.closed) return;
    await datasync(this.logFd);
    if (!this.closed) this.spare.refill();
    const due = this.commits >= CHECKPOINT_PAGES / 4 || this.bytes >= SPARE / 4;
    if (!due || this.closed) return;
    // Once the log is durable and whole, its pages go into the database, and only when those are durable too may the log be
    // written from its start again.
    this.folding = true;
    this.commits = 0;
    this.bytes = 0;
    try {
      if (this.unsynced) {
        this.unsynced = false;
        await datasync(this.logFd);
        if (this.closed) return;
      }
      this.db.exec('PRAGMA wal_checkpoint(PASSIVE)');
      await datasync(this.dataFd);
    } catch (error) {
      // The log is durable and grows on.
      if (!isFull(error)) throw error;
    } finally {
      this.folding = false;
    }
    if (this.closed || this.dirty.size === 0) return;
    this.commit();
    this.unsynced = false;
    await datasync(this.logFd);
  }
}
