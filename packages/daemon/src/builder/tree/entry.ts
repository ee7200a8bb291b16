import { posix } from 'node:path';
import type { Header } from 'tar-stream';

/** A file of a tree: what a tar header says, and where its bytes stand in the pack file. */
export interface TreeEntry {
  type: 'file' | 'directory' | 'symlink' | 'fifo' | 'character-device' | 'block-device';
  mode: number;
  uid: number;
  gid: number;
  mtime: Date;
  size: number;
  /** The target of a symbolic link. */
  target: string;
  /** For a hard link: the path of the entry it shares its bytes with. */
  sameAs?: string;
  devmajor?: number;
  devminor?: number;
  xattrs: Record<string, string>;
  offset: number;
  /** The digest of the file's bytes. */
  digest: string;
  /** Fetches the bytes of a file of which only the digest is here, and gives their place. */
  fetch?: () => Promise<number>;
}

/** Bytes of a path with its end, and of a name (limits.h). */
export const PATH_MAX = 4096;
const NAME_MAX = 255;

/** The members of an entry of which nothing else is said. */
export const blankEntry = () => ({
  ...{ uid: 0, gid: 0, mtime: new Date(0), size: 0 },
  ...{ target: '', xattrs: {}, offset: 0, digest: '' },
});

/** The entry that a tar header describes, hard links apart. @throws Error for the target of a link that is too long */
export function entryOf(path: string, header: Header): TreeEntry {
  const entry: TreeEntry = {
    ...blankEntry(),
    type: 'file',
    mode: (header.mode ?? 0o644) & 0o7777,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    mtime: header.mtime ?? new Date(0),
  };
  for (const [name, value] of Object.entries((header.pax ?? {}) as Record<string, string>)) {
    if (name.startsWith('SCHILY.xattr.')) entry.xattrs[name] = value;
  }
  switch (header.type) {
    case 'directory':
      entry.type = 'directory';
      break;
    case 'symlink':
      entry.type = 'symlink';
      entry.target = header.linkname ?? '';
      if (Buffer.byteLength(entry.target) >= PATH_MAX)
        throw new Error(`${path}: the link's target is too long`);
      break;
    case 'fifo':
    case 'character-device':
    case 'block-device':
      entry.type = header.type;
      entry.devmajor = header.devmajor ?? 0;
      entry.devminor = header.devminor ?? 0;
      break;
    default:
      break;
  }
  return entry;
}

/** A tar name as a relative path without `.`, `..` or doubled slashes. */
export function cleanPath(name: string): string {
  return posix.normalize(`/${name}`).replace(/^\/+/, '').replace(/\/+$/, '');
}

/** @throws Error in the kernel's words for a path that no file system of Linux takes. */
export function checkLength(path: string): void {
  const tooLong =
    Buffer.byteLength(path) >= PATH_MAX || path.split('/').some((name) => Buffer.byteLength(name) > NAME_MAX);
  if (tooLong) throw new Error(`${path.slice(0, NAME_MAX)}...: file name too long`);
}
