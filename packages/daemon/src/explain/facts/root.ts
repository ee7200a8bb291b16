import { StringDecoder } from 'node:string_decoder';
import { parseSize } from '../../base/sizes.ts';
import type { ContainerSnapshot } from '../../containers/api.ts';
import type { ImageConfig } from '../../images/api.ts';
import type { Change } from '../../layers/api.ts';
import { Slices } from '../../patterns/slices.ts';
import type { ExplainedLayer, ExplainedRoot } from '../api.ts';
import type { ExplainRooms } from '../rooms.ts';

const SHOWN = 20;
const LETTERS = ['C', 'A', 'D'] as const;

/** The layers of a container's root, what it wrote above them, and what is mounted over them. */
export async function rootOf(rooms: ExplainRooms, { record }: ContainerSnapshot): Promise<ExplainedRoot> {
  const { layers, images, containers } = rooms;
  // Either may fail for a container that is being removed, or whose layers are damaged: the rest is told all the same.
  const [changes, size] = await Promise.all([
    containers.changes(record.id).then(countChanges, () => countChanges([])),
    layers.writableSize(record.id).catch(() => ({ rw: 0, rootFs: 0 })),
  ]);
  const image = images.get(record.imageId);
  const limit = record.hostConfig.StorageOpt?.['size'];
  const bytes = limit === undefined ? undefined : parseSize(limit);
  return {
    ReadOnly: record.hostConfig.ReadonlyRootfs,
    Layers: image ? layerStack(image.config, (diffId) => layers.get(diffId)?.size) : [],
    Written: {
      Size: size.rw,
      ...(bytes !== undefined && { Limit: bytes }),
      Added: changes.counts[1],
      Changed: changes.counts[0],
      Deleted: changes.counts[2],
      Paths: changes.first,
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

/** How many changes of each kind there are, and the first of them; in slices, as they may be a million. */
async function countChanges(
  json: readonly Buffer[],
): Promise<{ counts: [number, number, number]; first: string[] }> {
  const counts: [number, number, number] = [0, 0, 0];
  const first: string[] = [];
  const slices = new Slices();
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for (const chunk of json) {
    if (slices.due()) await slices.next();
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const text = line.replace(/^\[/, '').replace(/[\],]$/, '');
      if (text === '') continue;
      const { Kind, Path } = JSON.parse(text) as Change;
      counts[Kind] += 1;
      if (first.length < SHOWN) first.push(`${LETTERS[Kind]} ${Path}`);
    }
  }
  return { counts, first };
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
