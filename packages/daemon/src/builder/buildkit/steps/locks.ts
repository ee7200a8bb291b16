import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mounts } from '../../../dockerfile/mounts.ts';
import type { Trees } from '../../../layers/api.ts';

/** The steps that use a cache folder now. */
interface Use {
  count: number;
  shared: boolean;
}

const uses = new Map<string, Use>();
let waiting: Array<() => void> = [];

/**
 * Takes the folder of a cache mount: one that is shared with those who share it, one that nobody uses, or, where only one
 * RUN at a time may have it (`locked`), the one when it is given back. A `private` one that is in use has another beside
 * it; so has one that is to begin empty (`fresh`).
 * @returns the folder's name and how to give it back; `alone` when nobody else uses it.
 */
export async function takeCache(
  id: string,
  sharing: Mounts['sharing'],
  fresh: boolean,
  signal: AbortSignal,
): Promise<{ name: string; alone: boolean; release: () => Promise<void> }> {
  for (;;) {
    const name = choose(id, sharing, fresh);
    if (name === undefined) {
      await released(signal);
      continue;
    }
    const alone = !uses.has(name);
    const release = use(name, sharing === 'shared');
    return { name, alone, release };
  }
}

/** @returns how to give it back */
function use(name: string, shared: boolean): () => Promise<void> {
  const one = uses.get(name) ?? { count: 0, shared };
  one.count += 1;
  uses.set(name, one);
  return async () => {
    one.count -= 1;
    if (one.count === 0) uses.delete(name);
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
}

/** Removes the folders of cache mounts that no RUN uses now; one that comes meanwhile has another, or waits. */
export async function removeUnused(folder: string, trees: Pick<Trees, 'remove'>): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (uses.has(name)) continue;
    const release = use(name, false);
    try {
      await trees.remove(join(folder, name));
    } finally {
      await release();
    }
  }
}

/** Undefined where it has to be waited for. */
function choose(id: string, sharing: Mounts['sharing'], fresh: boolean): string | undefined {
  for (let number = 0; ; number += 1) {
    const name = number === 0 ? id : `${id}-${number}`;
    const use = uses.get(name);
    if (!use || (sharing === 'shared' && use.shared && !fresh)) return name;
    if (sharing === 'locked' && !fresh) return undefined;
  }
}

function released(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    waiting.push(() => {
      signal.removeEventListener('abort', leave);
      resolve();
    });
  });
}
