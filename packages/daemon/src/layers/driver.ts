import { readFile, rename, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { invalidParameter, systemError } from '../base/errors.ts';
import { log } from '../base/log.ts';

export type DriverKind = 'erofs' | 'folder';

/**
 * The driver that the flags ask for: `--storage-opt berth.layers=erofs|folder|auto`, or `--storage-driver` by the
 * driver's name
 * (`overlay2`, Docker's name, leaves the choice open).
 * @throws invalid-parameter for unknown drivers and options
 */
export function wantedDriver(storageDriver: string, storageOpts: string[]): DriverKind | 'auto' {
  let wanted: DriverKind | 'auto' = 'auto';
  switch (storageDriver) {
    case '':
    case 'overlay':
    case 'overlay2':
    case 'overlayfs':
      break;
    case 'overlay-erofs':
      wanted = 'erofs';
      break;
    case 'overlay-folder':
      wanted = 'folder';
      break;
    default:
      throw invalidParameter(
        `error initializing graphdriver: driver not supported: ${storageDriver} (overlay-erofs and overlay-folder are)`,
      );
  }
  for (const option of storageOpts) {
    const [key, value] = option.split('=', 2);
    if (key?.toLowerCase() !== 'berth.layers')
      throw invalidParameter(`overlay: unknown option ${key} (berth.layers=erofs|folder|auto is known)`);
    if (value !== 'erofs' && value !== 'folder' && value !== 'auto')
      throw invalidParameter(`berth.layers=${value ?? ''}: it must be erofs, folder or auto`);
    if (value !== 'auto') wanted = value;
  }
  return wanted;
}

/**
 * Chooses the driver; whether the kernel mounts EROFS images from this file system is tried once per kernel release.
 * @throws system when `erofs` is demanded and cannot be mounted
 */
export async function chooseDriver(
  wanted: DriverKind | 'auto',
  root: string,
  probe: () => Promise<void>,
): Promise<DriverKind> {
  if (wanted === 'folder') return 'folder';
  const file = join(root, 'probe.json');
  const known = await readFile(file, 'utf8').catch(() => '');
  const mark = JSON.stringify({ kernel: release(), erofs: true });
  if (known === mark) return 'erofs';
  try {
    await probe();
  } catch (error) {
    if (wanted === 'erofs')
      throw systemError(
        `berth.layers=erofs: this kernel does not mount it: ${(error as Error).message}`,
        error,
      );
    log.warn(
      { err: error },
      'layers are unpacked into folders: this kernel mounts no EROFS images from files',
    );
    return 'folder';
  }
  try {
    await writeFile(`${file}.new`, mark, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (error) {
    log.warn({ err: error, file }, 'the next start tries again whether the kernel mounts EROFS images');
  }
  return 'erofs';
}
