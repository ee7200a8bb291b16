import { CliError } from '../../base/errors.ts';
import { bool } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { ApiError } from '../../transport/api.ts';

export default command({
  use: 'NETWORK [NETWORK...]',
  about: 'Remove networks',
  aliases: ['berth network rm', 'berth network remove'],
  args: atLeast(1),
  flags: { force: bool('f', 'A network that does not exist is no failure') },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    let failed = false;
    for (const name of args)
      try {
        await api.done<'NetworkDelete'>('DELETE', `/networks/${name}`);
        cli.print(`${name}\n`);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (flags.force && error.status === 404) continue;
        cli.warn(`${error.message}\n`);
        failed = true;
      }
    if (failed) throw new CliError('');
  },
});
