import { createHash } from 'node:crypto';
import { openFfi } from '@berth/native/ffi.ts';

/** The extended attribute that a cgroup's folder has; must be that of native/c/container/cgroup/cgroup.c. */
const ATTRIBUTE = 'trusted.berth';

/** Tells this daemon's cgroups from those of others on the same host. */
export const ownerMark = (dataRoot: string): string =>
  createHash('sha256').update(dataRoot).digest('hex').slice(0, 16);

/** The mark on a folder; '' when it has none. Loads the FFI, so it is for the few folders that nobody claims. */
export function readOwner(path: string): string {
  const koffi = openFfi();
  const libc = koffi.load('libc.so.6');
  const getxattr = libc.func('intptr_t getxattr(str path, str name, _Out_ uint8 *value, size_t size)') as (
    ...values: unknown[]
  ) => number;
  const value = Buffer.alloc(64);
  const size = getxattr(path, ATTRIBUTE, value, value.length);
  return size > 0 ? value.toString('utf8', 0, size) : '';
}
