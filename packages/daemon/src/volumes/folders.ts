import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { Trees } from '../layers/api.ts';

/** The folder for volumes that are being removed; no volume has such a name. */
export const REMOVED = '.removed';

/** Milliseconds until a removal that could not be recorded is tried to be recorded again. */
const AGAIN = 1000;

/** The folders of volumes: `<name>/_data` each, below one of their own. */
export class Folders {
  readonly root: string;
  readonly removed: string;
  private readonly owner: { uid: number; gid: number };

  private readonly trees: Trees;

  constructor(root: string, owner: { uid: number; gid: number }, trees: Trees) {
    this.trees = trees;
    this.root = root;
    this.removed = join(root, REMOVED);
    this.owner = owner;
  }

  /** The folder that containers see. */
  data(name: string): string {
    return join(this.root, name, '_data');
  }

  async make(name: string): Promise<void> {
    const data = this.data(name);
    await mkdir(data, { recursive: true, mode: 0o755 });
    // The daemon's umask must not decide what containers may see.
    await Promise.all([chmod(data, 0o755), chmod(join(this.root, name), 0o701)]);
    if (this.owner.uid !== 0 || this.owner.gid !== 0) await chown(data, this.owner.uid, this.owner.gid);
  }

  /** Makes a volume's folder again that is not there: a power cut took it, or somebody. */
  async ensure(name: string): Promise<void> {
    if (existsSync(this.data(name))) return;
    log.warn(
      { volume: name },
      'the files of a volume are missing; it is empty now: restore them from a copy',
    );
    await this.make(name);
  }

  /**
   * Moves a volume aside under its name: no kill leaves half of one, and the next start ends the removal. Its files go when that
   * is recorded; where it cannot be, a folder of that name stays until it is: a record would be of an empty volume.
   */
  async remove(name: string, forget: () => void, flush: () => Promise<void>): Promise<void> {
    const aside = join(this.removed, name);
    try {
      await mkdir(this.removed, { recursive: true, mode: 0o700 });
      await this.clear(aside);
      await rename(join(this.root, name), aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw systemError(`remove ${name}: ${(error as Error).message}`, error);
    }
    forget();
    try {
      await flush();
    } catch (error) {
      log.warn({ volume: name, err: error }, 'the removal of a volume is recorded later');
      // They make room for the record.
      await this.clear(join(aside, '_data'));
      this.clearLater(aside, flush);
      return;
    }
    await this.clear(aside);
  }

  private clearLater(aside: string, flush: () => Promise<void>): void {
    setTimeout(() => {
      flush()
        .then(() => this.clear(aside))
        .catch(() => this.clearLater(aside, flush));
    }, AGAIN).unref();
  }

  /** Removes a folder below `root` with all that containers made in it. */
  clear(path: string): Promise<void> {
    return this.trees.remove(path);
  }

  /** The folders of volumes on which something is mounted. */
  async mounted(): Promise<Set<string>> {
    const table = await readFile('/proc/self/mountinfo', 'utf8');
    const under = `${this.root}/`;
    return new Set(
      table
        .split('\n')
        .map((line) =>
          (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal: string) =>
            String.fromCharCode(Number.parseInt(octal, 8)),
          ),
        )
        .filter((path) => path.startsWith(under)),
    );
  }
}
