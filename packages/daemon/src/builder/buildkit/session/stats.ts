import { goMode, hasMode, type Message, unixPermissions } from '@berth/grpc';
import type { TreeEntry } from '../../tree/entry.ts';

/** A file's name and attributes, as BuildKit's file protocol (fsutil) tells them before any bytes. */
export type Stat = Message<'Stat'>;

/** The attributes that every entry of a tree has. */
export function attributesOf(stat: Stat) {
  const xattrs = Object.entries(stat.xattrs).map(([name, value]) => [
    `SCHILY.xattr.${name}`,
    value.toString('latin1'),
  ]);
  return {
    mode: unixPermissions(stat.mode),
    uid: stat.uid,
    gid: stat.gid,
    mtime: new Date(Math.floor(stat.modTime / 1e6)),
    xattrs: Object.fromEntries(xattrs) as Record<string, string>,
  };
}

/**
 * The entry of a directory, link, pipe or device, which have no bytes; undefined for a file, and for a socket, which no
 * layer has.
 */
export function plainEntry(stat: Stat): (Pick<TreeEntry, 'type'> & Partial<TreeEntry>) | undefined {
  const { mode, linkname, devmajor, devminor } = stat;
  if (hasMode(mode, goMode.directory)) return { type: 'directory' };
  if (hasMode(mode, goMode.symlink)) return { type: 'symlink', target: linkname };
  if (hasMode(mode, goMode.pipe)) return { type: 'fifo' };
  if (!hasMode(mode, goMode.device)) return undefined;
  const type = hasMode(mode, goMode.character) ? 'character-device' : 'block-device';
  return { type, devmajor, devminor };
}

/** A file with bytes of its own: of a hard link the first name has them. */
export const isFile = ({ mode, linkname }: Stat): boolean =>
  linkname === '' &&
  ![goMode.directory, goMode.symlink, goMode.pipe, goMode.device, goMode.socket].some((kind) =>
    hasMode(mode, kind),
  );

/** The attributes of a file as text: a file with equal ones is taken to have the same bytes. */
export const lookOf = ({ size, modTime, mode, uid, gid }: Stat): string =>
  `${size} ${modTime} ${mode} ${uid} ${gid}`;
