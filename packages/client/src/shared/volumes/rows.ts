import type { Columns } from '../../format/list.ts';
import { humanSize } from '../../format/sizes.ts';
import { joinLabels } from '../formats.ts';

/** A volume as the daemon lists it. */
export interface Volume {
  Name: string;
  Driver: string;
  Mountpoint: string;
  Scope: string;
  Labels: Record<string, string> | null;
  UsageData?: { RefCount: number; Size: number } | null;
}

/** A column that only volumes of a cluster fill. */
const notClustered = (header: string) => ({ header, value: () => 'N/A' });

/** The columns of `volume ls`. */
export const volumeColumns: Columns<Volume> = {
  goType: '*formatter.volumeContext',
  columns: {
    Availability: notClustered('AVAILABILITY'),
    Driver: { header: 'DRIVER', value: ({ Driver }) => Driver },
    Group: notClustered('GROUP'),
    Labels: { header: 'LABELS', value: ({ Labels }) => joinLabels(Labels) },
    Links: { header: 'LINKS', value: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : 'N/A') },
    Mountpoint: { header: 'MOUNTPOINT', value: ({ Mountpoint }) => Mountpoint },
    Name: { header: 'VOLUME NAME', value: ({ Name }) => Name },
    Scope: { header: 'SCOPE', value: ({ Scope }) => Scope },
    Size: { header: 'SIZE', value: ({ UsageData }) => (UsageData ? humanSize(UsageData.Size) : 'N/A') },
    Status: notClustered('STATUS'),
  },
  methods: { Label: ({ Labels }, name) => Labels?.[name] ?? '' },
};
