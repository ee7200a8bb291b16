import type { Stats } from 'node:fs';

/** The bits of Go's os.FileMode above the permissions (https://pkg.go.dev/io/fs#FileMode), which BuildKit's file protocol speaks. */
export const goMode = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  pipe: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  character: 2 ** 21,
  sticky: 2 ** 20,
} as const;

/** Whether a Go mode has one of the bits above; they are beyond the 32 bits that JavaScript's operators keep apart from a sign. */
export const hasMode = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

/** A file's Go mode: kind and permissions. */
export function goModeOf(stats: Stats): number {
  const kind = stats.isDirectory()
    ? goMode.directory
    : stats.isSymbolicLink()
      ? goMode.symlink
      : stats.isFIFO()
        ? goMode.pipe
        : stats.isBlockDevice()
          ? goMode.device
          : stats.isCharacterDevice()
            ? goMode.device + goMode.character
            : stats.isSocket()
              ? goMode.socket
              : 0;
  return kind + goPermissions(stats.mode);
}

/** Unix permission bits (07777) in Go's places. */
export function goPermissions(mode: number): number {
  return (
    (mode & 0o777) +
    (mode & 0o4000 ? goMode.setuid : 0) +
    (mode & 0o2000 ? goMode.setgid : 0) +
    (mode & 0o1000 ? goMode.sticky : 0)
  );
}

/** Unix permission bits (07777) of a Go mode. */
export function unixPermissions(mode: number): number {
  return (
    (mode % 0o1000) |
    (hasMode(mode, goMode.setuid) ? 0o4000 : 0) |
    (hasMode(mode, goMode.setgid) ? 0o2000 : 0) |
    (hasMode(mode, goMode.sticky) ? 0o1000 : 0)
  );
}
