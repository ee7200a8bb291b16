import type { ResponseOf } from '@berth/api-spec';
import { CliError } from '../../base/errors.ts';
import { custom, type Flag, int, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { humanSize } from '../../format/sizes.ts';
import { alignColumns, ellipsis } from '../../format/table.ts';
import { parseBytes } from '../../parse/units.ts';
import { inspectFormatFlag } from '../../shared/formats.ts';

type Analysis = ResponseOf<'ImageAnalyze'>;
type FoundPath = Analysis['LargestFiles'][number];

const maximum: Flag<number | undefined> = custom<number | undefined>(
  'bytes',
  '',
  'Fail when more bytes than this are wasted',
  undefined,
  (raw) => parseBytes(raw),
);

export default command({
  use: '[OPTIONS] IMAGE',
  about: 'Show what the layers of an image add, hide and waste',
  more: 'With --min-score or --max-wasted it ends with 1 when the image is worse than that.',
  args: exactly(1),
  flags: {
    format: inspectFormatFlag(),
    'max-wasted': maximum,
    'min-score': int('', 'Fail when less than so many percent of the bytes are of use'),
    platform: string('', 'Platform of the image: os/architecture'),
    top: int('n', 'How many files and folders to show', { initial: 10 }),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const [os, architecture, variant] = flags.platform.split('/');
    const text = await api.text<'ImageAnalyze'>('GET', `/images/${args[0]}/analyze`, {
      query: {
        top: flags.top,
        platform: flags.platform ? JSON.stringify({ os, architecture, variant }) : undefined,
      },
    });
    const analysis = JSON.parse(text) as Analysis;
    if (flags.format) {
      const { formatList } = await import('../../format/list.ts');
      cli.print(formatList(analysisColumns(analysis), [analysis], flags.format));
    } else cli.print(report(analysis, flags.top));
    const failures: string[] = [];
    if (analysis.Score < flags['min-score'])
      failures.push(`the score of ${args[0]} is ${analysis.Score}, less than ${flags['min-score']}`);
    const limit = flags['max-wasted'];
    if (limit !== undefined && analysis.WastedSize > limit)
      failures.push(`${args[0]} wastes ${humanSize(analysis.WastedSize)}, more than ${humanSize(limit)}`);
    if (failures.length) throw new CliError(failures.join('\n'));
  },
});

/** The members of the analysis for templates. */
const analysisColumns = (analysis: Analysis) => ({
  goType: 'berth.ImageAnalysis',
  columns: Object.fromEntries(
    (Object.keys(analysis) as (keyof Analysis)[]).map((name) => [
      name,
      { header: name.toUpperCase(), value: (row: Analysis) => row[name] as unknown },
    ]),
  ),
});

const table = (header: string, rows: readonly (readonly string[])[]): string =>
  alignColumns(`${header.replaceAll('|', '\t')}\n${rows.map((row) => `${row.join('\t')}\n`).join('')}`, 6, 3);

/** A section with a title, unless it has no rows. */
function section(title: string, header: string, rows: readonly (readonly string[])[]): string {
  return rows.length ? `\n${title}\n${table(header, rows)}` : '';
}

const countOf = ({ Files, Size }: Analysis['Layers'][number]['Added']): string =>
  Files ? `${humanSize(Size, 3)} (${Files})` : '-';

function report(analysis: Analysis, top: number): string {
  const first = <T>(items: readonly T[]): readonly T[] => items.slice(0, top);
  const paths = (found: readonly FoundPath[]): string[][] =>
    first(found).map(({ Size, Layer, Path }) => [
      humanSize(Size, 3),
      Layer === undefined ? '' : String(Layer),
      Path,
    ]);
  return [
    `${analysis.Name}: ${humanSize(analysis.Size)} in ${analysis.Layers.length} layers, ${humanSize(analysis.VisibleSize)} of it visible, ${humanSize(analysis.WastedSize)} wasted; score ${analysis.Score} of 100\n`,
    section(
      'Layers: bytes (files)',
      'LAYER|ADDED|CHANGED|HIDDEN BELOW|WASTED|CREATED BY',
      analysis.Layers.map((layer) => [
        String(layer.Index),
        countOf(layer.Added),
        countOf(layer.Changed),
        countOf(layer.Hidden),
        countOf(layer.Wasted),
        ellipsis(layer.CreatedBy.replaceAll('\t', ' '), 60),
      ]),
    ),
    section('Largest folders', 'SIZE|LAYER|PATH', paths(analysis.LargestDirectories)),
    section('Largest files', 'SIZE|LAYER|PATH', paths(analysis.LargestFiles)),
    section(
      'Wasted',
      'SIZE|LAYERS|WHY|PATH',
      first(analysis.Wasted).map(({ Size, Layers, Reason, Path }) => [
        humanSize(Size, 3),
        Layers.join(','),
        Reason,
        Path,
      ]),
    ),
    section(
      'Files of the same content',
      'WASTED|COPIES|PATHS',
      first(analysis.Duplicates).map(({ Wasted, Count, Paths }) => [
        humanSize(Wasted, 3),
        String(Count),
        ellipsis(Paths.join(', '), 100),
      ]),
    ),
    section(
      'What could go',
      'SIZE|HOW',
      first(analysis.Hints).map(({ Size, Message }) => [humanSize(Size, 3), Message]),
    ),
  ].join('');
}
