import { command, noArgs } from '../../cli/command.ts';
import { confirm, pruneFlags, reclaimed, withConfiguredFilters } from '../../shared/prune.ts';
import { pruneContainers } from '../../shared/prunes.ts';

export default command({
  use: '[OPTIONS]',
  about: 'Remove all stopped containers',
  args: noArgs,
  flags: pruneFlags,
  async run({ cli, flags }) {
    const filters = withConfiguredFilters(cli, flags.filter);
    const question = 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue?';
    if (!flags.force && !confirm(cli, question)) return;
    const { text, freed } = await pruneContainers(await cli.api(), filters);
    cli.print(text + reclaimed(freed));
  },
});
