import type { ResponseOf } from '@berth/api-spec';
import { runs } from '../containers/actions.tsx';

type Usage = ResponseOf<'SystemDataUsage'>;

export interface Row {
  name: string;
  count: number;
  active: number;
  /** Bytes. */
  size: number;
  /** Bytes of those that nothing uses. */
  unused: number;
}

interface Sum {
  ActiveCount?: number;
  Reclaimable?: number;
  TotalCount?: number;
  TotalSize?: number;
}

function row<T>(
  name: string,
  sum: Sum | undefined,
  list: readonly T[] | null | undefined,
  active: (one: T) => boolean,
  size: (one: T) => number,
): Row {
  const all = list ?? [];
  if (sum) {
    const { TotalCount = 0, ActiveCount = 0, TotalSize = 0, Reclaimable = 0 } = sum;
    return { name, count: TotalCount, active: ActiveCount, size: TotalSize, unused: Reclaimable };
  }
  // An older engine tells the objects alone.
  const bytes = (some: readonly T[]): number =>
    some.reduce((total, one) => total + Math.max(0, size(one)), 0);
  const idle = all.filter((one) => !active(one));
  return { name, count: all.length, active: all.length - idle.length, size: bytes(all), unused: bytes(idle) };
}

/** The bytes that each kind of object takes of the disk, and those of them that nothing uses. */
export function diskRows(usage: Usage): Row[] {
  const images = row(
    'Images',
    usage.ImageUsage,
    usage.Images,
    ({ Containers }) => Containers > 0,
    ({ Size, SharedSize }) => Size - Math.max(0, SharedSize),
  );
  return [
    usage.ImageUsage ? images : { ...images, size: usage.LayersSize ?? images.size },
    row('Containers', usage.ContainerUsage, usage.Containers, runs, ({ SizeRw }) => SizeRw ?? 0),
    row(
      'Volumes',
      usage.VolumeUsage,
      usage.Volumes,
      ({ UsageData }) => (UsageData?.RefCount ?? 0) > 0,
      ({ UsageData }) => UsageData?.Size ?? 0,
    ),
    row(
      'Build cache',
      usage.BuildCacheUsage,
      usage.BuildCache,
      ({ InUse }) => InUse,
      ({ Size, Shared }) => (Shared ? 0 : Size),
    ),
  ];
}
