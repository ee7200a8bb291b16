import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Writes a directory to the disk (fsync(2)), so that what was made in it or moved into it is there after a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync().finally(() => directory.close());
}
