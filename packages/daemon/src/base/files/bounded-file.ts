import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { invalidParameter } from '../errors.ts';

const STEP = 64 * 1024;

/**
 * The bytes of a file that a container or a user has a say in. Opening never waits for a FIFO's writer, and at most
 * `most` + 1 bytes are read, so that neither a sparse file nor one that grows meanwhile holds the event loop.
 * @param followLinks false: a symbolic link as the last part of the path is refused (ELOOP)
 * @throws invalid parameter naming the file, when it is no regular file or is larger than `most`; else the system's error
 */
export function readBounded(path: string, most: number, followLinks = true): Buffer {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW, O_NOCTTY } = constants;
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (followLinks ? 0 : O_NOFOLLOW));
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw invalidParameter(`${path} is not a regular file: name one that is`);
    const tooLarge = () => invalidParameter(`${path} is larger than ${most} bytes: make it smaller`);
    if (stat.size > most) throw tooLarge();
    const parts: Buffer[] = [];
    let total = 0;
    for (;;) {
      const part = Buffer.allocUnsafe(Math.min(STEP, most + 1 - total));
      const count = readSync(fd, part, 0, part.length, null);
      if (count === 0) return Buffer.concat(parts, total);
      parts.push(part.subarray(0, count));
      total += count;
      if (total > most) throw tooLarge();
    }
  } finally {
    closeSync(fd);
  }
}
