import { bool } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { formatList } from '../../format/list.ts';
import { chooseFormat, listFormatFlag } from '../../shared/formats.ts';
import { podColumns } from '../../shared/pod-rows.ts';

const formats = {
  table: 'table {{.ID}}\\t{{.Name}}\\t{{.Namespace}}\\t{{.State}}\\t{{.IP}}\\t{{.Containers}}',
  quiet: '{{.ID}}',
  raw: 'id: {{.ID}}\nname: {{.Name}}\nnamespace: {{.Namespace}}\nstate: {{.State}}\n',
  rawQuiet: 'id: {{.ID}}',
};

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
