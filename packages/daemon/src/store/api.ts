/**
 * The daemon's one database (node:sqlite, WAL, synchronous=FULL only where a lost record would lose something
 * acknowledged). Each room owns the tables it declares and touches no other's.
 */
export interface Store {
  /** Creates a room's collection (a table `name(key TEXT PRIMARY KEY, value JSON)`), loaded wholly in memory. */
  collection<T>(name: string): Collection<T>;
  /** Resolves once all writes made so far are durable (group commit: many callers share one fsync). */
  flush(): Promise<void>;
  close(): void;
}

/** A keyed set of JSON values; reads come from memory, writes are batched into one transaction per tick. */
export interface Collection<T> {
  get(key: string): T | undefined;
  has(key: string): boolean;
  values(): IterableIterator<T>;
  entries(): IterableIterator<[string, T]>;
  readonly size: number;
  /** Visible at once; durable after `store.flush()`. The value must not be changed afterwards. */
  put(key: string, value: T): void;
  delete(key: string): boolean;
}
