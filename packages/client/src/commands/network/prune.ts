import { command, noArgs } from '../../cli/command.ts';
import { confirm, pruneFlags, withConfiguredFilters } from '../../shared/prune.ts';
import { pruneNetworks } from '../../shared/prunes.ts';

const warning =
  'WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?';

export default command({
  use: '[OPTIONS]',
  about: 'Remove all unused networks',
  args: noArgs,
  flags: pruneFlags,
  async run({ cli, flags }) {
    const filters = withConfiguredFilters(cli, flags.filter);
    if (!flags.force && !confirm(cli, warning)) return;
    cli.print((await pruneNetworks(await cli.api(), filters)).text);
  },
});
