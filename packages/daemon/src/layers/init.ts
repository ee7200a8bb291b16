import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../store/api.ts';
import type { RootFilesystem } from './api.ts';
import { type Helper, lowerWords } from './helper.ts';
import type { LayerStore } from './layers.ts';
import type { Trash } from './trash.ts';

/**
 * The engine's own mount points as a layer between an image and its containers, one per image: `<root>/init/<key>`.
 * dockerd has one like it. A container's start makes no files then, and what the container changed is its own.
 */
export interface InitLayers {
  /** Makes it unless it is there. @returns its key */
  make(diffIds: string[]): Promise<string>;
  /** Undefined when it is lost (a power cut): starts make what they need then. */
  lower(key: string): RootFilesystem['lower'][number] | undefined;
  /** Forgets the init layers over a layer that goes. */
  forget(diffId: string): Promise<void>;
  /** Removes those over layers that are gone. */
  reconcile(): Promise<void>;
}

/** Opens the init layers below `root`; folders and records of which the other half is missing go. */
export async function openInitLayers(
  root: string,
  layers: LayerStore,
  helper: Helper,
  trash: Trash,
  store: Store,
  /** The machine went down since the last start: none was synced, and all are made again when they are wanted. */
  wentDown: boolean,
): Promise<InitLayers> {
  const all = join(root, 'init');
  await mkdir(all, { recursive: true, mode: 0o755 });
  const records = store.collection<{ diffIds: string[] }>('init_layers');
  const under = new Map<string, Promise<void>>();

  const there = new Set(await readdir(all));
  for (const [key] of [...records.entries()]) if (!there.has(key) || wentDown) records.delete(key);
  for (const key of there) if (!records.has(key)) await trash.take(join(all, key));

  async function create(key: string, diffIds: string[]): Promise<void> {
    const folder = join(root, 'made', randomBytes(12).toString('hex'));
    const upper = join(folder, 'upper');
    try {
      await mkdir(upper, { recursive: true, mode: 0o755 });
      await helper.run('init', {}, [...lowerWords(layers.lower(diffIds)), 'upper', upper]);
      await rename(upper, join(all, key));
      records.put(key, { diffIds });
    } finally {
      await trash.take(folder);
    }
  }

  async function forget(gone: (diffId: string) => boolean): Promise<void> {
    for (const [key, { diffIds }] of [...records.entries()]) {
      if (!diffIds.some(gone)) continue;
      records.delete(key);
      await trash.take(join(all, key));
    }
  }

  return {
    async make(diffIds) {
      const key = createHash('sha256').update(diffIds.join()).digest('hex');
      if (records.has(key)) return key;
      let made = under.get(key);
      if (made === undefined) {
        made = create(key, diffIds).finally(() => under.delete(key));
        under.set(key, made);
      }
      await made;
      return key;
    },
    lower: (key) => (records.has(key) ? { kind: 'folder', path: join(all, key) } : undefined),
    forget: (diffId) => forget((one) => one === diffId),
    reconcile: () => forget((one) => !layers.has(one)),
  };
}
