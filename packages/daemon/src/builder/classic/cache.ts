import type { Images } from '../../images/api.ts';
import type { Collection, Store } from '../../store/api.ts';
import type { CacheRecord } from '../api.ts';

interface Entry {
  image: string;
  description: string;
  created: string;
  used: string;
  count: number;
}

/** The images that steps gave, by step and parent. Only images that this builder made are ever in it. */
export class BuildCache {
  private readonly entries: Collection<Entry>;
  private readonly images: Images;

  constructor(store: Store, images: Images) {
    this.entries = store.collection<Entry>('build_cache');
    this.images = images;
  }

  find(key: string): string | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (!this.images.get(entry.image)) {
      this.entries.delete(key);
      return undefined;
    }
    this.entries.put(key, { ...entry, used: new Date().toISOString(), count: entry.count + 1 });
    return entry.image;
  }

  record(key: string, image: string, description: string): void {
    const now = new Date().toISOString();
    this.entries.put(key, { image, description, created: now, used: now, count: 1 });
  }

  list(): CacheRecord[] {
    return [...this.entries.entries()].map(([key, entry]) => ({
      ID: key.slice(0, 25),
      Type: 'regular',
      Description: entry.description,
      InUse: false,
      Shared: true,
      Size: 0,
      CreatedAt: entry.created,
      LastUsedAt: entry.used,
      UsageCount: entry.count,
    }));
  }

  /** Forgets entries; their images stay until nothing refers to them. */
  prune(keep: (entry: CacheRecord) => boolean): string[] {
    const gone: string[] = [];
    const records = new Map(this.list().map((record) => [record.ID, record]));
    for (const [key] of [...this.entries.entries()]) {
      const record = records.get(key.slice(0, 25));
      if (record && keep(record)) continue;
      this.entries.delete(key);
      gone.push(key.slice(0, 25));
    }
    return gone;
  }
}
