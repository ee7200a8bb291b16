import type { CacheRecord } from '../build/face.ts';
import { invalidParameter } from '../errors.ts';
import type { ImageSummary } from '../images/face.ts';
import type { Rooms } from '../rooms.ts';

const KINDS = ['container', 'image', 'volume', 'build-cache'];

/**
 * The reply of `/system/df`, of the asked kinds of object (all when none is named).
 * @throws invalid-parameter for an unknown kind.
 */
export async function diskUsage(rooms: Rooms, asked: string[] | undefined): Promise<DiskUsage> {
  for (const kind of asked ?? [])
    if (!KINDS.includes(kind)) throw invalidParameter(`unknown object type: ${kind}`);
  const wants = (kind: string) => !asked || asked.length === 0 || asked.includes(kind);
  const usage = wants('image') ? rooms.images.usage() : undefined;
  return {
    LayersSize: usage?.layersSize ?? 0,
    Images: usage?.images ?? null,
    Containers: wants('container')
      ? await rooms.containers.list({ all: true, limit: 0, size: true, filters: {} })
      : null,
    Volumes: wants('volume') ? await volumes(rooms) : null,
    BuildCache: wants('build-cache') ? rooms.builder.cache() : null,
  };
}

/** What `/system/df` replies; null for a kind that was not asked for. */
export interface DiskUsage {
  LayersSize: number;
  Images: ImageSummary[] | null;
  Containers: unknown[] | null;
  Volumes: unknown[] | null;
  BuildCache: CacheRecord[] | null;
}

async function volumes(rooms: Rooms): Promise<unknown[]> {
  const containers = await rooms.containers.list({ all: true, limit: 0, size: false, filters: {} });
  const users = (name: string) =>
    containers.filter((container) =>
      ((container['Mounts'] as Array<{ Name?: string }> | undefined) ?? []).some(
        (mount) => mount.Name === name,
      ),
    ).length;
  return Promise.all(
    rooms.volumes.list().map(async (volume) => ({
      ...volume,
      UsageData: { RefCount: users(volume.Name), Size: await rooms.volumes.size(volume.Name) },
    })),
  );
}
