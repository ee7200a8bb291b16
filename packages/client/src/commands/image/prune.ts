import { bool } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { confirm, pruneFlags, reclaimed, withConfiguredFilters } from '../../shared/prune.ts';
import { pruneImages } from '../../shared/prunes.ts';

export default command({
  use: '[OPTIONS]',
  about: 'Remove unused images',
  args: noArgs,
  flags: { ...pruneFlags, all: bool('a', 'Remove all images without a container, not just untagged ones') },
  async run({ cli, flags }) {
    const filters = withConfiguredFilters(cli, flags.filter);
    const what = flags.all
      ? 'all images without at least one container associated to them'
      : 'all dangling images';
    if (
      !flags.force &&
      !confirm(cli, `WARNING! This will remove ${what}.\nAre you sure you want to continue?`)
    )
      return;
    const { text, freed } = await pruneImages(await cli.api(), filters, flags.all);
    cli.print(text + reclaimed(freed));
  },
});
