import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../base/log.ts';

/** Whether the machine went down since a daemon last started on this data root, and so may have lost what was not synced. */
export interface Boot {
  readonly wentDown: boolean;
  /** Records that the layers a power cut may have spoiled were verified: the next start need not do it again. */
  seen(): Promise<void>;
}

/** Compares the kernel's boot id with the one that the last start left in `<root>/boot`. */
export async function readBoot(root: string): Promise<Boot> {
  const file = join(root, 'boot');
  const id = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const wentDown = (await readFile(file, 'utf8').catch(() => '')) !== id;
  return {
    wentDown,
    async seen() {
      if (!wentDown) return;
      await writeFile(file, id, { mode: 0o600 }).catch((error) =>
        log.warn({ err: error, file }, 'the next start looks at all layers again, as after a power cut'),
      );
    },
  };
}
