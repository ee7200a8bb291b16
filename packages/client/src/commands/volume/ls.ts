import { bool, filter } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { formatList } from '../../format/list.ts';
import { naturalCompare } from '../../format/natural.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { chooseFormat, listFormatFlag, namedFormats } from '../../shared/formats.ts';
import { volumeColumns } from '../../shared/volumes/rows.ts';

const formats = namedFormats(['Driver', 'Name'], 'Name', { name: 'Name', driver: 'Driver' });

export default command({
  use: '[OPTIONS]',
  about: 'List volumes',
  aliases: ['berth volume ls', 'berth volume list'],
  args: noArgs,
  flags: {
    filter: filter('f', 'Only volumes this is true for (e.g. "dangling=true")'),
    format: listFormatFlag(),
    quiet: bool('q', 'Only print names'),
  },
  async run({ cli, flags }) {
    const api = await cli.api();
    const answer = await api.json<'VolumeList'>('GET', '/volumes', {
      query: { filters: filtersQuery(flags.filter) },
    });
    const volumes = (answer.Volumes ?? []).sort((a, b) => naturalCompare(a.Name, b.Name));
    const format = chooseFormat(formats, flags.format, flags.quiet, cli.config().data.volumesFormat);
    cli.print(formatList(volumeColumns, volumes, format));
  },
});
