import { parseSize } from '../../base/sizes.ts';
import type { ContainerSnapshot } from '../../containers/api.ts';
import type { ImageConfig } from '../../images/api.ts';
import type { Change } from '../../layers/api.ts';
import type { ExplainedLayer, ExplainedRoot } from '../api.ts';
import type { ExplainRooms } from '../rooms.ts';

const SHOWN = 20;
const LETTERS = ['C', 'A', 'D'] as const;

/** The layers of a container's root, what it wrote above them, and what is mounted over them. */
export async function rootOf(rooms: ExplainRooms, { record }: ContainerSnapshot): Promise<ExplainedRoot> {
  const { layers, images, containers } = rooms;
  // Either may fail for a container that is being removed, or whose layers are damaged: the rest is told all the same.
  const [changes, size] = await Promise.all([
    containers.changes(record.id).catch((): Change[] => []),
    layers.writableSize(record.id).catch(() => ({ rw: 0, rootFs: 0 })),
  ]);
  const image = images.get(record.imageId);
  const count = (kind: Change['Kind']) => changes.filter(({ Kind }) => Kind === kind).length;
  const limit = record.hostConfig.StorageOpt?.['size'];
  const bytes = limit === undefined ? undefined : parseSize(limit);
  return {
    ReadOnly: record.hostConfig.ReadonlyRootfs,
    Layers: image ? layerStack(image.config, (diffId) => layers.get(diffId)?.size) : [],
    Written: {
      Size: size.rw,
      ...(bytes !== undefined && { Limit: bytes }),
      Added: count(1),
      Changed: count(0),
      Deleted: count(2),
      Paths: changes.slice(0, SHOWN).map(({ Kind, Path }) => `${LETTERS[Kind]} ${Path}`),
    },
    Mounts: [
      ...record.mounts.map(({ Type, Name, Source, Destination, RW }) => ({
        Type,
        ...(Name !== undefined && { Name }),
        Source,
        Destination,
        RW,
      })),
      ...Object.entries(record.hostConfig.Tmpfs ?? {}).map(([Destination, options]) => ({
        Type: 'tmpfs',
        Source: '',
        Destination,
        RW: !options.split(',').includes('ro'),
      })),
    ],
  };
}

/** An image's layers, the lowest first, each with the step of its history that made it. */
export function layerStack(
  { rootfs, history = [] }: ImageConfig,
  sizeOf: (diffId: string) => number | undefined,
): ExplainedLayer[] {
  const steps = history.filter(({ empty_layer }) => !empty_layer);
  return rootfs.diff_ids.map((DiffId, index) => ({
    DiffId,
    Size: sizeOf(DiffId) ?? 0,
    CreatedBy: steps[index]?.created_by ?? '',
  }));
}
