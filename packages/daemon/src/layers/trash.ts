import { randomBytes } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../base/log.ts';
import type { Helper } from './helper.ts';

/** How long removals are collected, in milliseconds. */
const PAUSE = 1000;
/** Pauses before a removal that failed is tried again, the first and the longest, in milliseconds. */
const FIRST_AGAIN = 10_000;
const LONGEST_AGAIN = 3_600_000;

/** Folders on their way out: renamed at once, removed together by one helper a moment later. */
export interface Trash {
  /**
   * Takes a folder away; false when it was not there. `removed` resolves when its bytes are free: within a second or so,
   * at once with `soon`.
   */
  take(path: string, options?: { soon?: boolean }): Promise<{ removed: Promise<void> } | false>;
  /** Removes all that is left, also of an earlier daemon. */
  empty(): Promise<void>;
}

/** Makes the trash in `folder`, which is on the file system of all that is thrown away: it is renamed into it. */
export function createTrash(folder: string, helper: Helper): Trash {
  let round: Promise<void> | undefined;
  const prefix = `${randomBytes(12).toString('hex')}-`;
  let taken = 0;

  let again: NodeJS.Timeout | undefined;
  let delay = FIRST_AGAIN;

  async function remove(): Promise<void> {
    clearTimeout(again);
    // Nothing is left where there is no trash: somebody removed it, or the whole data root.
    if (!existsSync(folder)) return;
    try {
      await helper.run('empty', { folder });
      delay = FIRST_AGAIN;
    } catch (error) {
      log.warn({ err: error }, 'removing files of layers; it is tried again');
      again = setTimeout(() => void schedule(false), delay).unref();
      delay = Math.min(2 * delay, LONGEST_AGAIN);
    }
  }

  let running: Promise<void> = Promise.resolve();
  let hurry: () => void = () => undefined;

  /** Callers that come while a helper runs share the next one. */
  function schedule(soon: boolean): Promise<void> {
    if (round === undefined) {
      const called = new Promise<void>((resolve) => {
        hurry = resolve;
      });
      const mine: Promise<void> = running.then(async () => {
        // A daemon that starts a program waits for its fork: not once for every container that goes.
        await Promise.race([called, new Promise((resolve) => setTimeout(resolve, PAUSE).unref())]);
        round = undefined;
        running = remove();
        await running;
      });
      round = mine;
    }
    if (soon) hurry();
    return round;
  }

  return {
    async take(path, { soon = false } = {}) {
      try {
        renameSync(path, join(folder, `${prefix}${++taken}`));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' && !existsSync(path)) return false;
        // A mount of the user's own below the data root, no trash, or none with room for one more entry: removed where it stands.
        await rm(path, { recursive: true, force: true });
        return { removed: Promise.resolve() };
      }
      return { removed: schedule(soon) };
    },
    async empty() {
      await schedule(true);
    },
  };
}
