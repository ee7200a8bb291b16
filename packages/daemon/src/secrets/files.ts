import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { systemError } from '../base/errors.ts';
import type { IdRange, PlacedMount } from './api.ts';

const run = promisify(execFile);

/** The usual directory of secrets: one directory of them is mounted there. */
const FOLDER = '/run/secrets';

/** One file of a container. */
export interface PlacedFile {
  destination: string;
  content: Buffer;
  uid: number;
  gid: number;
  mode: number;
}

/**
 * Files of running containers on a tmpfs that root alone may enter, from where they are bound into the containers. It is mounted
 * while there are any.
 */
export class SecretFiles {
  readonly #root: string;
  #tail: Promise<unknown> = Promise.resolve();

  /** @param root the tmpfs's directory, which need not be there */
  constructor(root: string) {
    this.#root = root;
  }

  /** Makes a container's files. @param taken destinations of its other mounts @throws system */
  place(
    owner: string,
    files: readonly PlacedFile[],
    taken: readonly string[],
    maps: { uids: readonly IdRange[]; gids: readonly IdRange[] },
  ): Promise<PlacedMount[]> {
    return this.#queued(async () => {
      try {
        return await this.#make(owner, files, taken, maps);
      } catch (error) {
        await this.#remove(owner)
          .then(() => this.#unmountEmpty())
          .catch(() => undefined);
        throw systemError(`secrets and configs can't be put into files: ${(error as Error).message}`, error);
      }
    });
  }

  /** Removes a container's files. */
  async release(owner: string): Promise<void> {
    if (!existsSync(join(this.#root, owner))) return;
    await this.#queued(async () => {
      await this.#remove(owner);
      await this.#unmountEmpty();
    });
  }

  /** Removes the files of all but these containers. */
  async keep(owners: ReadonlySet<string>): Promise<void> {
    if (!existsSync(this.#root)) return;
    await this.#queued(async () => {
      for (const owner of await readdir(this.#root)) if (!owners.has(owner)) await this.#remove(owner);
      await this.#unmountEmpty();
    });
  }

  async #make(
    owner: string,
    files: readonly PlacedFile[],
    taken: readonly string[],
    maps: { uids: readonly IdRange[]; gids: readonly IdRange[] },
  ): Promise<PlacedMount[]> {
    await this.#mount();
    const base = join(this.#root, owner);
    await rm(base, { recursive: true, force: true });
    // Reached by nobody but through the binds: the tmpfs's root is closed.
    await mkdir(base, { mode: 0o755 });
    const own = { uid: onHost(0, maps.uids), gid: onHost(0, maps.gids) };
    const whole = !taken.some((path) => posix.normalize(path).startsWith(FOLDER));
    const mounts: PlacedMount[] = [];
    for (const [index, file] of files.entries()) {
      const inFolder = whole && file.destination.startsWith(`${FOLDER}/`);
      const name = inFolder ? file.destination.slice(FOLDER.length + 1) : String(index);
      const top = join(base, inFolder ? 'folder' : 'single');
      const path = join(top, name);
      for (const folder of foldersTo(base, dirname(path))) await makeFolder(folder, own);
      await writeFile(path, file.content, { flag: 'wx', mode: 0o600 });
      await chown(path, onHost(file.uid, maps.uids), onHost(file.gid, maps.gids));
      await chmod(path, file.mode);
      if (!inFolder) mounts.push({ source: path, destination: file.destination });
      else if (!mounts.some(({ destination }) => destination === FOLDER))
        mounts.push({ source: top, destination: FOLDER });
    }
    return mounts;
  }

  async #mount(): Promise<void> {
    if (await this.#mounted()) return;
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    await run('mount', ['-t', 'tmpfs', '-o', 'mode=0700,nosuid,nodev,noexec', 'berth-secrets', this.#root]);
  }

  async #mounted(): Promise<boolean> {
    const table = await readFile('/proc/self/mountinfo', 'utf8');
    const escaped = this.#root.replaceAll(
      /[ \t\n\\]/g,
      (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
    return table.split('\n').some((line) => line.split(' ')[4] === escaped);
  }

  async #remove(owner: string): Promise<void> {
    await rm(join(this.#root, owner), { recursive: true, force: true });
  }

  async #unmountEmpty(): Promise<void> {
    if ((await readdir(this.#root)).length > 0) return;
    if (await this.#mounted()) await run('umount', ['-l', this.#root]);
    await rm(this.#root, { recursive: true, force: true });
  }

  #queued<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(action);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}

function foldersTo(base: string, last: string): string[] {
  const folders: string[] = [];
  for (let folder = last; folder.length > base.length; folder = dirname(folder)) folders.unshift(folder);
  return folders;
}

async function makeFolder(path: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  if (existsSync(path)) return;
  await mkdir(path);
  await chown(path, uid, gid);
  await chmod(path, 0o755);
}

/** An id on the host; one that is not mapped is nobody's, as the kernel has it. */
function onHost(id: number, ranges: readonly IdRange[]): number {
  if (ranges.length === 0) return id;
  const range = ranges.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return range ? id - range.containerID + range.hostID : 65534;
}
