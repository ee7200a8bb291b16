import { bool } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { type Context, defaultContext } from '../../config/context.ts';
import { currentContext } from '../../config/resolve.ts';
import { type Columns, formatList } from '../../format/list.ts';
import { naturalCompare } from '../../format/natural.ts';
import { ellipsis } from '../../format/table.ts';
import { contextStore, defaultAsContext, defaultDescription } from '../../shared/contexts.ts';
import { chooseFormat, listFormatFlag } from '../../shared/formats.ts';

interface Row {
  context: Context;
  current: boolean;
  error: string;
}

const contextColumns: Columns<Row> = {
  goType: '*formatter.clientContextContext',
  asDeclared: true,
  columns: {
    Name: { header: 'NAME', value: ({ context }) => context.Name },
    Description: {
      header: 'DESCRIPTION',
      value: ({ context }) => ellipsis(context.Metadata.Description ?? '', 60),
    },
    DockerEndpoint: {
      header: 'DOCKER ENDPOINT',
      value: ({ context }) => context.Endpoints['docker']?.Host ?? '',
    },
    Current: { header: '', value: ({ current }) => current },
    Error: { header: 'ERROR', value: ({ error }) => ellipsis(error, 45) },
    ContextType: { header: 'TYPE', value: () => 'moby' },
  },
};

const formats = {
  table: 'table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}',
  quiet: '{{.Name}}',
};

export default command({
  use: '[OPTIONS]',
  about: 'List contexts',
  aliases: ['berth context ls', 'berth context list'],
  args: noArgs,
  flags: { format: listFormatFlag(), quiet: bool('q', 'Only names') },
  async run({ cli, flags }) {
    const store = contextStore(cli);
    const inUse = currentContext(cli);
    const standing = defaultAsContext(cli);
    standing.Metadata.Description = defaultDescription;
    const rows: Row[] = [standing, ...store.list()].map((context) => ({
      context,
      current: context.Name === inUse,
      error: '',
    }));
    if (inUse !== defaultContext && !rows.some(({ current }) => current)) {
      let error = '';
      try {
        store.get(inUse);
      } catch (reason) {
        error = (reason as Error).message;
      }
      rows.push({ context: { Name: inUse, Metadata: {}, Endpoints: {} }, current: true, error });
    }
    rows.sort((a, b) => naturalCompare(a.context.Name, b.context.Name));
    cli.print(formatList(contextColumns, rows, chooseFormat(formats, flags.format, flags.quiet)));
    const variable = ['BERTH_HOST', 'DOCKER_HOST'].find((one) => cli.env[one]);
    if (!flags.quiet && !flags.format && variable && store.chosen() !== defaultContext)
      cli.warn(
        `Warning: ${variable} environment variable overrides the active context. To use a context, either set the global --context flag, or unset ${variable} environment variable.\n`,
      );
  },
});
