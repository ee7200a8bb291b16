import { bool, filter, int } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { encodeAuth, getCredentials, keyOf } from '../../config/credentials.ts';
import { type Columns, formatList } from '../../format/list.ts';
import { ellipsis } from '../../format/table.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { chooseFormat, listFormatFlag } from '../../shared/formats.ts';

interface Found {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated?: boolean;
}

/** In JSON these are words, in tables marks. */
const mark = (value: boolean | undefined, json: boolean): string =>
  json ? String(Boolean(value)) : value ? '[OK]' : '';

const columns = (truncate: boolean, json: boolean): Columns<Found> => ({
  goType: '*search.searchContext',
  columns: {
    Description: {
      header: 'DESCRIPTION',
      value: ({ description }) => {
        const text = description.replace(/[\n\r]/g, ' ');
        return truncate ? ellipsis(text, 45) : text;
      },
    },
    IsAutomated: { header: 'AUTOMATED', value: ({ is_automated }) => mark(is_automated, json) },
    IsOfficial: { header: 'OFFICIAL', value: ({ is_official }) => mark(is_official, json) },
    Name: { header: 'NAME', value: ({ name }) => name },
    StarCount: { header: 'STARS', value: ({ star_count }) => String(star_count) },
  },
});

/** The registry of a search term: what stands before its first slash, when that looks like a host. */
function registryOf(term: string): string {
  const first = term.slice(0, Math.max(0, term.indexOf('/')));
  return first && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

export default command({
  use: '[OPTIONS] TERM',
  about: 'Search for images in a registry',
  args: exactly(1),
  flags: {
    filter: filter('f', 'Only images this is true for (e.g. "is-official=true")'),
    format: listFormatFlag(),
    limit: int('', 'At most so many images'),
    'no-trunc': bool('', 'Show descriptions whole'),
  },
  async run({ cli, flags, args }) {
    const [term] = args as [string];
    const api = await cli.api();
    const auth = encodeAuth(await getCredentials(cli.config(), keyOf(registryOf(term))).catch(() => ({})));
    const found = await api.json<'ImageSearch'>('GET', '/images/search', {
      query: { term, limit: flags.limit > 0 ? flags.limit : undefined, filters: filtersQuery(flags.filter) },
      headers: { 'X-Registry-Auth': auth },
    });
    const table = 'table {{.Name}}\\t{{.Description}}\\t{{.StarCount}}\\t{{.IsOfficial}}';
    const format = chooseFormat({ table, quiet: table }, flags.format, false);
    const asJson = format === 'json' || /\{\{-?\s*json\s+\.\s*-?\}\}/.test(format);
    cli.print(formatList(columns(!flags['no-trunc'], asJson), found, format));
  },
});
