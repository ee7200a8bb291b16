import type { ResponseOf } from '@berth/api-spec';
import { bool } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { type Columns, formatList, shortId } from '../../format/list.ts';
import { humanSize } from '../../format/sizes.ts';
import { ago } from '../../format/time.ts';
import { chooseFormat, listFormatFlag } from '../../shared/formats.ts';
import { type ImageSummary, imageColumns, imageRows } from '../../shared/image-rows.ts';
import { type Volume, volumeColumns } from '../../shared/volumes/rows.ts';
import { containerColumns, type ListedContainer } from '../container/ps.ts';

type CacheRecord = NonNullable<ResponseOf<'SystemDataUsage'>['BuildCache']>[number];

interface Usage {
  LayersSize?: number;
  Images?: ImageSummary[] | null;
  Containers?: ListedContainer[] | null;
  Volumes?: Volume[] | null;
  BuildCache?: CacheRecord[] | null;
}

/** One kind of thing that takes space. */
interface Kind {
  type: string;
  total: number;
  active: number;
  size: number;
  reclaimable: number;
  /** Shown with the part of the whole that can be freed. */
  percent: boolean;
}

const sum = <T>(items: readonly T[], size: (item: T) => number): number =>
  items.reduce((total, item) => total + size(item), 0);

function kinds(usage: Usage): Kind[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const cache = usage.BuildCache ?? [];
  const running = containers.filter(({ State }) => /running|paused|restarting/.test(State));
  const stopped = containers.filter((container) => !running.includes(container));
  const volumeSize = ({ UsageData }: Volume): number => Math.max(0, UsageData?.Size ?? 0);
  const own = cache.filter(({ Shared }) => !Shared);
  const kept = images.filter(
    ({ Containers, Size, SharedSize }) => Containers !== 0 && Size !== -1 && SharedSize !== -1,
  );
  return [
    {
      type: 'Images',
      total: images.length,
      active: images.filter(({ Containers }) => Containers > 0).length,
      size: usage.LayersSize ?? 0,
      reclaimable: (usage.LayersSize ?? 0) - sum(kept, ({ Size, SharedSize }) => Size - SharedSize),
      percent: true,
    },
    {
      type: 'Containers',
      total: containers.length,
      active: running.length,
      size: sum(containers, ({ SizeRw = 0 }) => SizeRw),
      reclaimable: sum(stopped, ({ SizeRw = 0 }) => SizeRw),
      percent: true,
    },
    {
      type: 'Local Volumes',
      total: volumes.length,
      active: volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0).length,
      size: sum(volumes, volumeSize),
      reclaimable: sum(
        volumes.filter(({ UsageData }) => UsageData?.RefCount === 0),
        volumeSize,
      ),
      percent: true,
    },
    {
      type: 'Build Cache',
      total: cache.length,
      active: cache.filter(({ InUse }) => InUse).length,
      size: sum(own, ({ Size }) => Size),
      reclaimable: sum(
        own.filter(({ InUse }) => !InUse),
        ({ Size }) => Size,
      ),
      percent: false,
    },
  ];
}

const kindColumns: Columns<Kind> = {
  goType: '*formatter.diskUsageContext',
  columns: {
    Active: { header: 'ACTIVE', value: ({ active }) => String(active) },
    Reclaimable: {
      header: 'RECLAIMABLE',
      value: ({ reclaimable, size, percent }) =>
        percent && size > 0
          ? `${humanSize(reclaimable)} (${Math.trunc((reclaimable * 100) / size)}%)`
          : humanSize(reclaimable),
    },
    Size: { header: 'SIZE', value: ({ size }) => humanSize(size) },
    TotalCount: { header: 'TOTAL', value: ({ total }) => String(total) },
    Type: { header: 'TYPE', value: ({ type }) => type },
  },
};

const seconds = (text: string): number => Date.parse(text) / 1000;

const cacheColumns: Columns<CacheRecord> = {
  goType: '*formatter.buildCacheContext',
  columns: {
    CacheType: { header: 'CACHE TYPE', value: ({ Type }) => Type },
    CreatedSince: { header: 'CREATED', value: ({ CreatedAt }) => ago(seconds(CreatedAt)) },
    Description: { header: 'DESCRIPTION', value: ({ Description }) => Description },
    ID: { header: 'CACHE ID', value: ({ ID, InUse }) => shortId(ID) + (InUse ? '*' : '') },
    InUse: { header: 'IN USE', value: ({ InUse }) => String(InUse) },
    LastUsedSince: {
      header: 'LAST USED',
      value: ({ LastUsedAt }) => (LastUsedAt ? ago(seconds(LastUsedAt)) : ''),
    },
    Shared: { header: 'SHARED', value: ({ Shared }) => String(Shared) },
    Size: { header: 'SIZE', value: ({ Size }) => humanSize(Size, 3) },
    UsageCount: { header: 'USAGE', value: ({ UsageCount }) => String(UsageCount) },
  },
};

/** Least recently used first; what was never used before all else. */
function byLastUse(a: CacheRecord, b: CacheRecord): number {
  const [x, y] = [a.LastUsedAt ? Date.parse(a.LastUsedAt) : 0, b.LastUsedAt ? Date.parse(b.LastUsedAt) : 0];
  return x - y || (a.ID < b.ID ? -1 : 1);
}

/** Each image once, by its first tag. */
const firstNames = (images: readonly ImageSummary[]) =>
  images.map((image) => {
    const row = imageRows([image], false)[0]!;
    return row.tag === '<none>' ? { ...row, repository: '<none>' } : row;
  });

function details(usage: Usage): string {
  const cache = (usage.BuildCache ?? []).sort(byLastUse);
  const sections = [
    [
      'Images space usage:',
      formatList(
        imageColumns(true),
        firstNames(usage.Images ?? []),
        'table {{.Repository}}\\t{{.Tag}}\\t{{.ID}}\\t{{.CreatedSince}}\\t{{.Size}}\\t{{.SharedSize}}\\t{{.UniqueSize}}\\t{{.Containers}}',
      ),
    ],
    [
      'Containers space usage:',
      formatList(
        containerColumns(true),
        // Sizes of the whole image are part of the list above.
        (usage.Containers ?? []).map((container) => ({ ...container, SizeRootFs: 0 })),
        'table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.LocalVolumes}}\\t{{.Size}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Names}}',
      ),
    ],
    [
      'Local Volumes space usage:',
      formatList(volumeColumns, usage.Volumes ?? [], 'table {{.Name}}\\t{{.Links}}\\t{{.Size}}'),
    ],
    [
      `Build cache usage: ${humanSize(kinds(usage).at(-1)!.size)}`,
      formatList(
        cacheColumns,
        cache,
        'table {{.ID}}\\t{{.CacheType}}\\t{{.Size}}\\t{{.CreatedSince}}\\t{{.LastUsedSince}}\\t{{.UsageCount}}\\t{{.Shared}}',
      ),
    ],
  ];
  return sections.map(([title, table]) => `${title}\n\n${table}`).join('\n');
}

export default command({
  use: '[OPTIONS]',
  about: 'Show what takes disk space',
  args: noArgs,
  flags: {
    format: listFormatFlag(),
    verbose: bool('v', 'Show each image, container, volume and step of the cache'),
  },
  async run({ cli, flags }) {
    const api = await cli.api();
    const usage = await api.json<'SystemDataUsage'>('GET', '/system/df');
    const table = 'table {{.Type}}\\t{{.TotalCount}}\\t{{.Active}}\\t{{.Size}}\\t{{.Reclaimable}}';
    const format = chooseFormat({ table, quiet: table }, flags.format, false);
    if (flags.verbose && format === table) cli.print(details(usage));
    else cli.print(formatList(kindColumns, kinds(usage), format));
  },
});
