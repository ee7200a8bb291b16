import { bool, custom } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { parseBytes } from '../../parse/units.ts';
import { confirm, pruneFlags, reclaimed, withConfiguredFilters } from '../../shared/prune.ts';
import { pruneBuildCache } from '../../shared/prunes.ts';

export default command({
  use: '',
  about: 'Remove the build cache',
  args: noArgs,
  flags: {
    ...pruneFlags,
    all: bool('a', 'Remove all unused build cache, not just what no image needs'),
    'keep-storage': custom('bytes', '', 'How much of the cache to keep', 0, (raw) => parseBytes(raw)),
  },
  async run({ cli, flags }) {
    const filters = withConfiguredFilters(cli, flags.filter);
    const what = flags.all ? 'all build cache' : 'all dangling build cache';
    if (
      !flags.force &&
      !confirm(cli, `WARNING! This will remove ${what}. Are you sure you want to continue?`)
    )
      return;
    const { text, freed } = await pruneBuildCache(await cli.api(), filters, flags.all, flags['keep-storage']);
    cli.print(text + reclaimed(freed));
  },
});
