import { bool, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { type Columns, formatList, shortId } from '../../format/list.ts';
import { humanSize } from '../../format/sizes.ts';
import { ellipsis } from '../../format/table.ts';
import { ago, rfc3339 } from '../../format/time.ts';
import { chooseFormat, listFormatFlag } from '../../shared/formats.ts';
import { platformJson, platformVersions } from '../../shared/platforms.ts';

interface Step {
  Id: string;
  Created: number;
  CreatedBy: string;
  Size: number;
  Comment: string;
}

const columns = (truncate: boolean, human: boolean): Columns<Step> => ({
  goType: '*formatter.historyContext',
  columns: {
    Comment: { header: 'COMMENT', value: ({ Comment }) => Comment },
    CreatedAt: { header: 'CREATED AT', value: ({ Created }) => rfc3339(Created) },
    CreatedBy: {
      header: 'CREATED BY',
      value: ({ CreatedBy }) => {
        const text = CreatedBy.replaceAll('\t', ' ');
        return truncate ? ellipsis(text, 45) : text;
      },
    },
    CreatedSince: { header: 'CREATED', value: ({ Created }) => (human ? ago(Created) : rfc3339(Created)) },
    // Steps of other builds have no id of their own: `<missing>`.
    ID: { header: 'IMAGE', value: ({ Id }) => (truncate ? shortId(Id) : Id) },
    Size: { header: 'SIZE', value: ({ Size }) => (human ? humanSize(Size, 3) : String(Size)) },
  },
});

export default command({
  use: '[OPTIONS] IMAGE',
  about: 'Show how an image came about',
  aliases: ['berth image history', 'berth history'],
  args: exactly(1),
  flags: {
    format: listFormatFlag(),
    human: bool('H', 'Print sizes and times for people', { initial: true }),
    'no-trunc': bool('', 'Show everything whole'),
    platform: string('', 'Show what the image is for this platform'),
    quiet: bool('q', 'Only print ids'),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const options = flags.platform
      ? { query: { platform: platformJson(flags.platform) }, version: platformVersions.history }
      : {};
    const steps = await api.json<'ImageHistory'>('GET', `/images/${args[0]}/history`, options);
    const named = {
      table: `table {{.ID}}\\t{{.Created${flags.human ? 'Since' : 'At'}}}\\t{{.CreatedBy}}\\t{{.Size}}\\t{{.Comment}}`,
      quiet: '{{.ID}}',
    };
    const format = chooseFormat(named, flags.format, flags.quiet);
    cli.print(formatList(columns(!flags['no-trunc'], flags.human), steps, format));
  },
});
