import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs';

/** Writes a directory to the disk, before anything else is done: files made in it are there after a power cut too. */
export function syncDirectoryNow(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a file's bytes to the disk in the thread pool. */
export function datasync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(fd, (error) => (error ? reject(error) : resolve()));
  });
}
