import { atLeast, command } from '../../cli/command.ts';
import { alignColumns } from '../../format/table.ts';

export default command({
  use: 'CONTAINER [ps OPTIONS]',
  about: 'Show the processes of a container',
  aliases: ['berth container top', 'berth top'],
  args: atLeast(1),
  interspersed: false,
  flags: {},
  async run({ cli, args }) {
    const api = await cli.api();
    const { Titles, Processes } = await api.json<'ContainerTop'>('GET', `/containers/${args[0]}/top`, {
      query: { ps_args: args.length > 1 ? args.slice(1).join(' ') : undefined },
    });
    const rows = [Titles, ...(Processes ?? [])].map((row) => `${row.join('\t')}\n`).join('');
    cli.print(alignColumns(rows, 20, 3));
  },
});
