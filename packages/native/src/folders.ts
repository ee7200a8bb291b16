import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openFfi } from './ffi.ts';

// linux/fs.h
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_TOPDIR_FL = 0x00020000;

/** How many directories of a pool are used by turns, each in another part of the disk. */
const SHARDS = 32;

/** Makes folders that come and go quickly. */
export interface DirectoryPool {
  /** Makes a folder of mode 0700 whose parent exists; one that is there and empty is as good. @throws errors of mkdir(2) */
  make(path: string): void;
}

/**
 * Opens the pool at `place`, on the file system of the folders to be made, by which ext4 without a journal spreads them over
 * the disk. It gives the place of a deleted file away only minutes later, and looks at each of them, from the first, when it
 * makes the next file near by: a tenth of a container's life. A file stays where it was made when it is renamed, so folders
 * are made in one of some that lie apart, and moved from there. Elsewhere they are simply made.
 */
export function openDirectoryPool(place: string): DirectoryPool {
  takeFormer(place);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  if (!spreadSubfolders(place)) return { make: makePlainly };
  // Folders that an earlier daemon made and did not move.
  for (const shard of readdirSync(place))
    for (const name of readdirSync(join(place, shard))) rmSync(join(place, shard, name), { recursive: true });
  let turn = 0;
  return {
    make(path) {
      turn = (turn + 1) % SHARDS;
      const shard = join(place, String(turn));
      const made = join(shard, basename(path));
      try {
        mkdirSync(made, { mode: 0o700 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        mkdirSync(shard, { mode: 0o700 });
        mkdirSync(made, { mode: 0o700 });
      }
      try {
        renameSync(made, path);
      } catch (error) {
        rmSync(made, { recursive: true, force: true });
        throw error;
      }
    },
  };
}

/** Earlier versions had the pool at another name beside it. It holds nothing of a container: folders are moved out of it. */
function takeFormer(place: string): void {
  const former = join(dirname(place), 'nursery');
  try {
    renameSync(former, place);
  } catch (error) {
    // A version that was gone back to has made one anew.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(former, { recursive: true, force: true });
  }
}

function makePlainly(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || readdirSync(path).length > 0) throw error;
  }
}

/** Returns whether the subfolders of a folder will lie apart. */
function spreadSubfolders(folder: string): boolean {
  try {
    if (!onJournalless(folder)) return false;
    const ioctl = openFfi()
      .load('libc.so.6')
      .func('int ioctl(int fd, unsigned long request, _Inout_ int *flags)');
    const fd = openSync(folder, 'r');
    try {
      const flags = [0];
      if (ioctl(fd, FS_IOC_GETFLAGS, flags) !== 0) return false;
      return ioctl(fd, FS_IOC_SETFLAGS, [flags[0]! | FS_TOPDIR_FL]) === 0;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false; // it is only slower
  }
}

function onJournalless(folder: string): boolean {
  const { dev } = statSync(folder);
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  const device = basename(readlinkSync(`/sys/dev/block/${major}:${minor}`));
  return readFileSync(`/sys/fs/ext4/${device}/journal_task`, 'utf8').trim() === '<none>';
}
