import { CliError } from '../../base/errors.ts';
import { bool, filter } from '../../base/flags.ts';
import { atMost, command } from '../../cli/command.ts';
import { formatList } from '../../format/list.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { chooseFormat, listFormatFlag } from '../../shared/formats.ts';
import { imageColumns, imageFormats, imageRows } from '../../shared/image-rows.ts';

/** Names of subcommands that people type after `images` by mistake. */
const subcommands = new Set([
  'build',
  'history',
  'import',
  'inspect',
  'list',
  'load',
  'ls',
  'prune',
  'pull',
  'push',
  'rm',
  'save',
  'tag',
]);

export default command({
  use: '[OPTIONS] [REPOSITORY[:TAG]]',
  about: 'List images',
  aliases: ['berth image ls', 'berth image list', 'berth images'],
  args: atMost(1),
  flags: {
    all: bool('a', 'Show intermediate images too'),
    digests: bool('', 'Show digests'),
    filter: filter('f', 'Only images this is true for (e.g. "dangling=true")'),
    format: listFormatFlag(),
    'no-trunc': bool('', 'Show ids whole'),
    quiet: bool('q', 'Only print ids'),
    tree: bool('', 'Show the platforms of each image'),
  },
  async run({ cli, flags, args, path }) {
    const filters = { ...flags.filter };
    const [name] = args;
    if (name) filters['reference'] = [...(filters['reference'] ?? []), name];
    const api = await cli.api();
    if (flags.tree) {
      for (const name of ['quiet', 'no-trunc', 'digests', 'format'] as const)
        if (flags[name]) throw new CliError(`--${name} is not yet supported with --tree`);
      const { imageTree } = await import('./tree.ts');
      cli.print(await imageTree(api, { all: flags.all, filters }));
      return;
    }
    const images = await api.json<'ImageList'>('GET', '/images/json', {
      query: { all: flags.all || undefined, filters: filtersQuery(filters) },
    });
    let format = chooseFormat(
      imageFormats(flags.digests),
      flags.format,
      flags.quiet,
      cli.config().data.imagesFormat,
    );
    if (format.startsWith('table') && flags.digests && !format.includes('{{.Digest}}'))
      format += '\\t{{.Digest}}';
    const rows = imageRows(images, flags.digests || format.includes('{{.Digest}}'), flags.digests);
    cli.print(formatList(imageColumns(!flags['no-trunc']), rows, format));
    if (name && !images.length && path.endsWith(' images') && subcommands.has(name))
      cli.warn(`No images found matching ${JSON.stringify(name)}: did you mean "berth image ${name}"?\n`);
  },
});
