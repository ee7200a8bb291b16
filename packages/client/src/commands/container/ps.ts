import { GoTemplate } from '@berth/templates/exec.ts';
import { goQuote } from '@berth/templates/printf.ts';
import { CliError, messageOf } from '../../base/errors.ts';
import { bool, filter, int, string } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { type Columns, formatList, goRow, shortId } from '../../format/list.ts';
import { displayPorts, type ListedPort } from '../../format/ports.ts';
import { humanSize } from '../../format/sizes.ts';
import { ellipsis } from '../../format/table.ts';
import { ago, goTime } from '../../format/time.ts';
import { familiar, parseReference } from '../../parse/reference.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { joinLabels } from '../../shared/formats.ts';

/** A container as the daemon lists it. */
export interface ListedContainer {
  Id: string;
  Names: string[] | null;
  Image: string;
  ImageID: string;
  Command: string;
  Created: number;
  Ports: ListedPort[] | null;
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Record<string, string> | null;
  State: string;
  Status: string;
  NetworkSettings?: { Networks?: Record<string, unknown> | null } | null;
  Mounts?: { Name?: string; Source: string; Driver?: string }[] | null;
}

/** The name of the image without what only its digest adds. */
function imageName({ Image, ImageID }: ListedContainer, truncate: boolean): string {
  if (!Image) return '<no image>';
  if (!truncate) return Image;
  const short = shortId(ImageID);
  if (short === shortId(Image)) return short;
  try {
    const { digest: _, ...reference } = parseReference(Image);
    return familiar(reference);
  } catch {
    return Image;
  }
}

function sizes({ SizeRw = 0, SizeRootFs = 0 }: ListedContainer): string {
  const own = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${humanSize(SizeRootFs, 3)})` : own;
}

/** The columns of `ps`. */
export function containerColumns(truncate: boolean): Columns<ListedContainer> {
  return {
    goType: '*formatter.ContainerContext',
    columns: {
      Command: {
        header: 'COMMAND',
        value: ({ Command }) => goQuote(truncate ? ellipsis(Command, 20) : Command),
      },
      CreatedAt: { header: 'CREATED AT', value: ({ Created }) => goTime(Created) },
      ID: { header: 'CONTAINER ID', value: ({ Id }) => (truncate ? shortId(Id) : Id) },
      Image: { header: 'IMAGE', value: (row) => imageName(row, truncate) },
      Labels: {
        header: 'LABELS',
        value: ({ Labels }) => joinLabels(Labels),
      },
      LocalVolumes: {
        header: 'LOCAL VOLUMES',
        value: ({ Mounts }) => String((Mounts ?? []).filter(({ Driver }) => Driver === 'local').length),
      },
      Mounts: {
        header: 'MOUNTS',
        value: ({ Mounts }) =>
          (Mounts ?? [])
            .map(({ Name, Source }) => (truncate ? ellipsis(Name || Source, 15) : Name || Source))
            .join(','),
      },
      Names: {
        header: 'NAMES',
        value: ({ Names }) =>
          (Names ?? [])
            .map((name) => name.replace(/^\//, ''))
            // The others are what links call it.
            .filter((name) => !truncate || !name.includes('/'))
            .join(','),
      },
      Networks: {
        header: 'NETWORKS',
        value: ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(','),
      },
      Ports: { header: 'PORTS', value: ({ Ports }) => displayPorts(Ports ?? []) },
      RunningFor: { header: 'CREATED', value: ({ Created }) => ago(Created) },
      Size: { header: 'SIZE', value: sizes },
      State: { header: 'STATE', value: ({ State }) => State },
      Status: { header: 'STATUS', value: ({ Status }) => Status },
    },
    methods: { Label: ({ Labels }, name) => Labels?.[name] ?? '' },
  };
}

const tableFormat =
  'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';
const rawFormat =
  'container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n';

const emptyRow: ListedContainer = {
  Id: '',
  Names: [],
  Image: '',
  ImageID: '',
  Command: '',
  Created: 0,
  Ports: [],
  Labels: {},
  State: '',
  Status: '',
};

/** Checks a template of the command line before anything is asked, and says whether it shows sizes. */
function usesSize(format: string): boolean {
  let template: GoTemplate;
  try {
    template = new GoTemplate(format);
  } catch (error) {
    throw new CliError(`failed to parse template: ${messageOf(error)}`);
  }
  let used = false;
  const seeSize = (): string => {
    used = true;
    return '0B';
  };
  const layout = containerColumns(true);
  const columns = { ...layout.columns, Size: { header: 'SIZE', value: seeSize } };
  try {
    template.execute(goRow({ ...layout, columns }, emptyRow));
  } catch (error) {
    throw new CliError(`failed to execute template: ${messageOf(error)}`);
  }
  return used;
}

export default command({
  use: '[OPTIONS]',
  about: 'List containers',
  aliases: ['berth container ls', 'berth container list', 'berth container ps', 'berth ps'],
  args: noArgs,
  flags: {
    all: bool('a', 'Stopped ones too'),
    filter: filter('f', 'Only what this is true for, such as "status=running"'),
    format: string('', '"table", "table TEMPLATE", "json", or a Go template for each'),
    last: int('n', 'The n last created ones, whatever their state', { initial: -1 }),
    latest: bool('l', 'The last created one, whatever its state'),
    'no-trunc': bool('', 'Cut nothing short'),
    quiet: bool('q', 'Only IDs'),
    size: bool('s', 'How much disk they take'),
  },
  async run({ cli, flags, given }) {
    let { size } = flags;
    if (flags.format && usesSize(flags.format) && !flags.quiet && !given.has('size')) size = true;
    if (flags.format && flags.quiet)
      cli.warn('WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
    const api = await cli.api();
    const rows = await api.json<'ContainerList'>('GET', '/containers/json', {
      query: {
        all: flags.all || undefined,
        limit: flags.last > 0 ? flags.last : flags.latest && flags.last === -1 ? 1 : undefined,
        size: size || undefined,
        filters: filtersQuery(flags.filter),
      },
    });
    let format = flags.format || (flags.quiet ? '' : (cli.config().data.psFormat ?? '')) || 'table';
    if (format === 'raw') {
      if (flags.quiet) format = 'container_id: {{.ID}}';
      else format = size ? `${rawFormat}size: {{.Size}}\n` : rawFormat;
    } else if (flags.quiet) format = '{{.ID}}';
    else if (format === 'table') format = size ? `${tableFormat}\t{{.Size}}` : tableFormat;
    cli.print(formatList(containerColumns(!flags['no-trunc']), rows, format));
  },
});
