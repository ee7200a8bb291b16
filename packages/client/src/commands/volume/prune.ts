import { CliError } from '../../base/errors.ts';
import { bool } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { confirm, pruneFlags, reclaimed, withConfiguredFilters } from '../../shared/prune.ts';
import { pruneVolumes } from '../../shared/prunes.ts';

export default command({
  use: '[OPTIONS]',
  about: 'Remove unused local volumes',
  args: noArgs,
  flags: { ...pruneFlags, all: bool('a', 'Remove all unused volumes, not just anonymous ones') },
  async run({ cli, flags }) {
    const filters = withConfiguredFilters(cli, flags.filter);
    if (flags.all) {
      if (filters['all'])
        throw new CliError('conflicting options: cannot specify both --all and --filter all=1');
      filters['all'] = ['true'];
    }
    const what = flags.all ? 'all' : 'anonymous';
    const question = `WARNING! This will remove ${what} local volumes not used by at least one container.\nAre you sure you want to continue?`;
    if (!flags.force && !confirm(cli, question)) return;
    const { text, freed } = await pruneVolumes(await cli.api(), filters);
    cli.print(text + reclaimed(freed));
  },
});
