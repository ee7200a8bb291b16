/**
 * The promise of an answer (README, "What an answer promises"): a request that was answered with success has its
 * outcome
 * after the daemon is killed, and after a power cut. A room keeps that in this order:
 *
 * 1. An intent is put here before its effect touches the kernel or the disk (`launching`, `freezer`, `removing`); the end
 *    of the tick commits it, which a killed daemon survives.
 * 2. Bytes that no record can make again are written through before the record that names them (`Layers.durable`,
 *    `Layers.writeThrough`). What a record can make again (a new container's folders, a volume's) is not: the next start
 *    makes it.
 * 3. `flush` is awaited before the answer, beside the work where that is possible. What is only cleared afterwards
 *    (folders, links, cgroups) is cleared again by the next start.
 *
 * The daemon's one database (node:sqlite, WAL, synchronous=OFF with syncs of its own: see `SqliteStore`). Each room owns the tables it declares and touches no other's.
 */
export interface Store {
  /** Creates a room's collection (a table `name(key TEXT PRIMARY KEY, value JSON)`), loaded wholly in memory. */
  collection<T>(name: string): Collection<T>;
  /**
   * The keys of a collection's records that could not be read, or were put aside, now or by an earlier start: what belongs
   * to them on the disk is to be kept.
   */
  damaged(collection: string): ReadonlySet<string>;
  /** Takes a record out of its collection for as long as another one that it needs is damaged. */
  putAside(collection: string, key: string, reason: string): void;
  /** Resolves once all writes made so far are durable (group commit: many callers share one fsync). */
  flush(): Promise<void>;
  /**
   * As `flush`, for what is not to be where it cannot be recorded: `undo` takes it back then, in memory, and that is recorded
   * as soon as it can be.
   * @throws what `flush` does, after `undo`
   */
  flushOr(undo: () => unknown): Promise<void>;
  /**
   * As `flush`, for what has happened already and is not undone by being unrecorded (a process that was ended): when the
   * database cannot be written, the change stays in memory, is told in the log, and is recorded as soon as it can be.
   */
  flushOrLater(): Promise<void>;
  close(): void;
}

/** A keyed set of JSON values; reads come from memory, writes are batched into one transaction per tick. */
export interface Collection<T> {
  /** The value of a key; frozen by agreement, for it is not a copy. */
  get(key: string): T | undefined;
  has(key: string): boolean;
  values(): IterableIterator<T>;
  entries(): IterableIterator<[string, T]>;
  readonly size: number;
  /** Visible at once; durable after `store.flush()`. The value must not be changed afterwards. */
  put(key: string, value: T): void;
  delete(key: string): boolean;
}
