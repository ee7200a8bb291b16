import { getSystemErrorName } from 'node:util';
import { notFound, systemError } from '../base/errors.ts';
import type { Helper } from './helper.ts';

/** Folders that one process is asked for: their paths are its arguments. */
const BATCH = 1000;
const ENOENT = 2;

/** Bytes in folders, as dockerd counts a writable layer: files as stat tells, hard links once. */
export interface FolderSizes {
  /** @throws not-found where there is no folder, system where it cannot be read */
  of(folder: string): Promise<number>;
}

interface Asked {
  resolve(bytes: number): void;
  reject(error: unknown): void;
}

/** All that are asked for at once are counted by one process, each folder once. */
export function folderSizes(helper: Helper): FolderSizes {
  let waiting = new Map<string, Asked[]>();
  let running = false;

  async function count(batch: Map<string, Asked[]>): Promise<void> {
    const folders = [...batch.keys()];
    const { sizes } = await helper.run<{ sizes: number[] }>('size', {}, folders);
    for (const [index, folder] of folders.entries()) {
      const size = sizes[index] ?? -ENOENT;
      for (const { resolve, reject } of batch.get(folder)!)
        if (size >= 0) resolve(size);
        else if (size === -ENOENT) reject(notFound(`${folder}: no such file or directory`));
        else reject(systemError(`${folder}: ${getSystemErrorName(size)}`));
    }
  }

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const batch = new Map([...waiting].slice(0, BATCH));
      waiting = new Map([...waiting].slice(BATCH));
      try {
        await count(batch);
      } catch (error) {
        for (const asked of batch.values()) for (const { reject } of asked) reject(error);
      }
    }
    running = false;
  }

  return {
    of(folder) {
      return new Promise((resolve, reject) => {
        const asked = waiting.get(folder) ?? [];
        asked.push({ resolve, reject });
        waiting.set(folder, asked);
        if (running) return;
        running = true;
        // A caller that asks for many folders has asked for all of them by the next turn of the loop.
        setImmediate(() => void run());
      });
    },
  };
}
