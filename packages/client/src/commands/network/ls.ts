import { bool, filter } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { type Columns, formatList, shortId } from '../../format/list.ts';
import { naturalCompare } from '../../format/natural.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { chooseFormat, joinLabels, listFormatFlag, namedFormats } from '../../shared/formats.ts';

interface Network {
  Id: string;
  Name: string;
  Created: string;
  Driver: string;
  Scope: string;
  EnableIPv6: boolean;
  Internal: boolean;
  Labels: Record<string, string> | null;
}

/** A time of the daemon as Go's `Time.String` writes it, in its own zone. */
function goTimeOf(text: string): string {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!parts) return text;
  const fraction = (parts[3] ?? '').replace(/\.?0+$/, '');
  const zone = parts[4] === 'Z' ? '+0000' : parts[4]!.replace(':', '');
  return `${parts[1]} ${parts[2]}${fraction} ${zone} ${zone === '+0000' ? 'UTC' : zone}`;
}

const columns = (truncate: boolean): Columns<Network> => ({
  goType: '*network.networkContext',
  columns: {
    CreatedAt: { header: 'CREATED AT', value: ({ Created }) => goTimeOf(Created) },
    Driver: { header: 'DRIVER', value: ({ Driver }) => Driver },
    ID: { header: 'NETWORK ID', value: ({ Id }) => (truncate ? shortId(Id) : Id) },
    IPv6: { header: 'IPV6', value: ({ EnableIPv6 }) => String(EnableIPv6) },
    Internal: { header: 'INTERNAL', value: ({ Internal }) => String(Internal) },
    Labels: { header: 'LABELS', value: ({ Labels }) => joinLabels(Labels) },
    Name: { header: 'NAME', value: ({ Name }) => Name },
    Scope: { header: 'SCOPE', value: ({ Scope }) => Scope },
  },
  methods: { Label: ({ Labels }, name) => Labels?.[name] ?? '' },
});

const formats = namedFormats(['ID', 'Name', 'Driver', 'Scope'], 'ID', {
  network_id: 'ID',
  name: 'Name',
  driver: 'Driver',
});

export default command({
  use: '[OPTIONS]',
  about: 'List networks',
  aliases: ['berth network ls', 'berth network list'],
  args: noArgs,
  flags: {
    filter: filter('f', 'Only networks this is true for (e.g. "driver=bridge")'),
    format: listFormatFlag(),
    'no-trunc': bool('', 'Show ids whole'),
    quiet: bool('q', 'Only print ids'),
  },
  async run({ cli, flags }) {
    const api = await cli.api();
    const networks = await api.json<'NetworkList'>('GET', '/networks', {
      query: { filters: filtersQuery(flags.filter) },
    });
    networks.sort((a, b) => naturalCompare(a.Name, b.Name));
    const format = chooseFormat(formats, flags.format, flags.quiet, cli.config().data.networksFormat);
    cli.print(formatList(columns(!flags['no-trunc']), networks, format));
  },
});
