import { bool } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { formatList } from '../../format/list.ts';
import { chooseFormat, listFormatFlag, namedFormats } from '../../shared/formats.ts';
import { podColumns } from '../../shared/pod-rows.ts';

const formats = namedFormats(['ID', 'Name', 'Namespace', 'State', 'IP', 'Containers'], 'ID', {
  id: 'ID',
  name: 'Name',
  namespace: 'Namespace',
  state: 'State',
});

export default command({
  use: '[OPTIONS]',
  about: 'List pods of Kubernetes',
  aliases: ['berth pod ls', 'berth pod list'],
  args: noArgs,
  flags: {
    format: listFormatFlag(),
    'no-trunc': bool('', 'Show ids whole'),
    quiet: bool('q', 'Only print ids'),
  },
  async run({ cli, flags }) {
    const api = await cli.api();
    const pods = await api.json<'PodList'>('GET', '/pods');
    const format = chooseFormat(formats, flags.format, flags.quiet, undefined);
    cli.print(formatList(podColumns(!flags['no-trunc']), pods, format));
  },
});
