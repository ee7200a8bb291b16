import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../log.ts';
import type { Helper } from './helper.ts';

/** Folders on their way out: renamed at once, removed together by one helper a moment later. */
export interface Trash {
  /** Takes a folder away; false when it was not there. `removed` resolves when its bytes are free. */
  take(path: string): Promise<{ removed: Promise<void> } | false>;
  /** Removes all that is left, also of an earlier daemon. */
  empty(): Promise<void>;
}

export function createTrash(folder: string, helper: Helper): Trash {
  let round: Promise<void> | undefined;

  async function remove(): Promise<void> {
    await helper.run('empty', { folder }).catch((error: unknown) => {
      log.warn({ err: error }, 'removing files of layers; they stay until the next start');
    });
  }

  /** Those who come while a helper runs share the next one. */
  function schedule(): Promise<void> {
    if (round === undefined) {
      const mine: Promise<void> = running.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        round = undefined;
        running = remove();
        await running;
      });
      round = mine;
    }
    return round;
  }
  let running: Promise<void> = Promise.resolve();

  return {
    async take(path) {
      try {
        await rename(path, join(folder, randomBytes(12).toString('hex')));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
      return { removed: schedule() };
    },
    async empty() {
      await schedule();
    },
  };
}
