import { CliError } from '../../base/errors.ts';
import { bool } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { confirm, pruneFlags, reclaimed, withConfiguredFilters } from '../../shared/prune.ts';
import {
  pruneBuildCache,
  pruneContainers,
  pruneImages,
  pruneNetworks,
  pruneVolumes,
} from '../../shared/prunes.ts';

export default command({
  use: '[OPTIONS]',
  about: 'Remove unused data',
  args: noArgs,
  flags: {
    ...pruneFlags,
    all: bool('a', 'Remove all images without a container, not just untagged ones'),
    volumes: bool('', 'Remove anonymous volumes too'),
  },
  async run({ cli, flags }) {
    const filters = withConfiguredFilters(cli, flags.filter);
    if (flags.volumes && filters['until'])
      throw new CliError('ERROR: The "until" filter is not supported with "--volumes"');
    if (!flags.force && !confirm(cli, warning(flags.all, flags.volumes, filters))) return;
    const api = await cli.api();
    let total = 0;
    // In this order, each kind frees what the next one may then remove.
    for (const prune of [
      () => pruneContainers(api, filters),
      () => pruneNetworks(api, filters),
      ...(flags.volumes ? [() => pruneVolumes(api, filters)] : []),
      () => pruneImages(api, filters, flags.all),
      () => pruneBuildCache(api, filters, flags.all),
    ]) {
      const { text, freed } = await prune();
      total += freed;
      cli.print(text);
    }
    cli.print(reclaimed(total));
  },
});

function warning(
  all: boolean,
  volumes: boolean,
  filters: Readonly<Record<string, readonly string[]>>,
): string {
  const lines = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
    all ? 'all build cache' : 'unused build cache',
  ];
  const shown = Object.keys(filters)
    .sort()
    .flatMap((name) => filters[name]!.map((value) => `  - ${name}=${value}\n`));
  const filtered = shown.length ? `  Items to be pruned will be filtered with:\n${shown.join('')}\n` : '';
  return `WARNING! This will remove:\n${lines.map((line) => `  - ${line}\n`).join('')}\n${filtered}Are you sure you want to continue?`;
}
