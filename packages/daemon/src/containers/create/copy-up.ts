import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { ContainerRecord } from '../model/types.ts';

/** Whether a create may have to copy files of the image into volumes. */
export const mayCopyUp = ({ mounts }: ContainerRecord): boolean => mounts.some(({ copyUp }) => copyUp);

/** Copies what the image has at an empty volume's place into it. */
export async function copyUp(context: Context, container: Container): Promise<void> {
  const { layers, volumes } = context.rooms;
  for (const point of container.record.mounts) {
    if (!point.copyUp || !point.Name) continue;
    if (!(await volumes.needsCopyUp(point.Name, point.subpath))) continue;
    const image = layers.archive(container.id, {});
    try {
      const { mode } = await image.stat(point.Destination);
      if (!isFolder(mode)) continue;
    } catch {
      continue; // the image has nothing there
    }
    await volumes.fill(point.Name, container.id, point.subpath, async (place) => {
      const { tar } = await image.get(point.Destination);
      const target = layers.archive(container.id, {
        binds: [{ ...place, destination: point.Destination, readonly: false }],
      });
      await target.put(parent(point.Destination), tar, { noOverwriteDirNonDir: false });
      // Copied once, into an empty volume: a part of it would stay a part.
      await layers.writeThrough(container.folder);
    });
  }
}

/** Go's os.ModeDir. */
const isFolder = (mode: number) => mode >= 0x80000000 || mode < 0;

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
