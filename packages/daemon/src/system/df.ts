import { BerthError, invalidParameter } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { CacheRecord } from '../builder/api.ts';
import type { ContainerSummary } from '../containers/api.ts';
import type { ImageSummary } from '../images/api.ts';
import type { Services } from '../services.ts';
import type { Volume } from '../volumes/api.ts';

const KINDS = ['container', 'image', 'volume', 'build-cache'];

/**
 * The reply of `/system/df`, of the asked kinds of object (all when none is named).
 * @throws invalid-parameter for an unknown kind.
 */
export async function diskUsage(rooms: Services, asked: string[] | undefined): Promise<DiskUsage> {
  for (const kind of asked ?? [])
    if (!KINDS.includes(kind)) throw invalidParameter(`unknown object type: ${kind}`);
  const wants = (kind: string) => !asked || asked.length === 0 || asked.includes(kind);
  const images = wants('image') ? rooms.images.usage() : undefined;
  const containers = wants('container') ? await listedContainers(rooms) : null;
  const named = wants('volume') ? await volumes(rooms) : null;
  const cache = wants('build-cache') ? rooms.builder.cache() : null;
  return {
    LayersSize: images?.layersSize ?? 0,
    Images: images?.images ?? null,
    Containers: containers,
    Volumes: named,
    BuildCache: cache,
    sums: {
      ...(images && { ImageUsage: imageSum(images) }),
      ...(containers && { ContainerUsage: containerSum(containers) }),
      ...(named && { VolumeUsage: volumeSum(named) }),
      ...(cache && { BuildCacheUsage: cacheSum(cache) }),
    },
  };
}

/** Counts and bytes of one kind of object; what is 0 is left out, as dockerd does. */
interface Sum {
  ActiveCount?: number;
  Reclaimable?: number;
  TotalCount?: number;
  TotalSize?: number;
}

/** The disk usage by kind of object; null for a kind that was not asked for. */
export interface DiskUsage {
  LayersSize: number;
  Images: ImageSummary[] | null;
  Containers: ContainerSummary[] | null;
  Volumes: VolumeUsage[] | null;
  BuildCache: CacheRecord[] | null;
  sums: Record<string, Sum>;
}

type VolumeUsage = Volume & { UsageData: { RefCount: number; Size: number } };

/** Sums up objects: each has its bytes, whether it is in use, and whether its removal would free them. */
function sum(objects: Array<{ size: number; active: boolean; free: number }>, totalSize?: number): Sum {
  const members: Required<Sum> = {
    ActiveCount: objects.filter(({ active }) => active).length,
    Reclaimable: objects.reduce((bytes, { free }) => bytes + free, 0),
    TotalCount: objects.length,
    TotalSize: totalSize ?? objects.reduce((bytes, { size }) => bytes + size, 0),
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== 0));
}

function imageSum({ images, layersSize }: { images: ImageSummary[]; layersSize: number }): Sum {
  return sum(
    images.map(({ Containers, Size, SharedSize }) => ({
      size: Size,
      active: Containers > 0,
      free: Containers > 0 ? 0 : Size - SharedSize,
    })),
    layersSize,
  );
}

function containerSum(containers: ContainerSummary[]): Sum {
  return sum(
    containers.map(({ State, SizeRw: size = 0 }) => {
      const active = ['running', 'paused', 'restarting'].includes(State);
      return { size, active, free: active ? 0 : size };
    }),
  );
}

function volumeSum(named: VolumeUsage[]): Sum {
  return sum(
    named.map(({ UsageData: { RefCount, Size } }) => ({
      size: Math.max(0, Size),
      active: RefCount > 0,
      free: RefCount > 0 ? 0 : Math.max(0, Size),
    })),
  );
}

function cacheSum(records: CacheRecord[]): Sum {
  return sum(
    records.map(({ InUse, Shared, Size }) => ({
      size: Size,
      active: InUse,
      free: InUse || Shared ? 0 : Size,
    })),
  );
}

/** All containers, without the image's manifest: dockerd leaves it out here. */
async function listedContainers(rooms: Services): Promise<ContainerSummary[]> {
  const all = await rooms.containers.list({ all: true, limit: 0, size: true, filters: {} });
  return all.map(({ ImageManifestDescriptor: _, ...container }) => container);
}

async function volumes(rooms: Services): Promise<VolumeUsage[]> {
  const containers = await rooms.containers.list({ all: true, limit: 0, size: false, filters: {} });
  const users = new Map<string, number>();
  for (const container of containers) {
    for (const name of new Set(container.Mounts.map(({ Name }) => Name)))
      if (name) users.set(name, (users.get(name) ?? 0) + 1);
  }
  const named = (await rooms.volumes.list()).map(async (volume) => {
    const Size = await volumeSize(rooms, volume.Name);
    return Size === undefined
      ? []
      : { ...volume, UsageData: { RefCount: users.get(volume.Name) ?? 0, Size } };
  });
  return (await Promise.all(named)).flat();
}

/** Bytes of a volume; undefined for one that was removed meanwhile, -1 (as dockerd has it) where they cannot be counted. */
async function volumeSize({ volumes }: Services, name: string): Promise<number | undefined> {
  try {
    return await volumes.size(name);
  } catch (error) {
    if (error instanceof BerthError && error.kind === 'not-found') return undefined;
    log.warn({ err: error, volume: name }, 'the size of a volume cannot be determined');
    return -1;
  }
}
