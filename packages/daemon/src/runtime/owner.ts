import { createHash } from 'node:crypto';
import { openFfi } from '@berth/native/ffi.ts';

/** The extended attribute that a cgroup's folder has; must be that of native/c/container/cgroup/cgroup.c. */
const ATTRIBUTE = 'trusted.berth';

/** Tells this daemon's cgroups from those of others on the same host. */
export const ownerMark = (dataRoot: string): string =>
  createHash('sha256').update(dataRoot).digest('hex').slice(0, 16);

type GetXattr = (path: string, name: string, value: Buffer, size: number) => number;
let getxattr: GetXattr | undefined;

/** The mark on a folder; '' when it has none. Loads the FFI, so it is for the few folders that nobody claims. */
export function readOwner(path: string): string {
  // Bound once: a host may have hundreds of folders that other engines left.
  getxattr ??= openFfi()
    .load('libc.so.6')
    .func('intptr_t getxattr(str path, str name, _Out_ uint8 *value, size_t size)') as unknown as GetXattr;
  const value = Buffer.alloc(64);
  const size = getxattr(path, ATTRIBUTE, value, value.length);
  return size > 0 ? value.toString('utf8', 0, size) : '';
}
