import { CliError } from '../../base/errors.ts';
import { bool } from '../../base/flags.ts';
import { atLeast, command, forEach } from '../../cli/command.ts';
import { ApiError } from '../../transport/api.ts';

export default command({
  use: '[OPTIONS] CONTAINER [CONTAINER...]',
  about: 'Remove containers',
  aliases: ['berth container rm', 'berth container remove', 'berth rm'],
  args: atLeast(1),
  flags: {
    force: bool('f', 'Kill running containers first'),
    link: bool('l', 'Remove the link of that name'),
    volumes: bool('v', 'Remove the anonymous volumes of the containers too'),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const query = {
      force: flags.force || undefined,
      link: flags.link || undefined,
      v: flags.volumes || undefined,
    };
    await forEach(cli, args, async (name) => {
      const trimmed = name.replace(/^\/+|\/+$/g, '');
      if (!trimmed) throw new CliError('Container name cannot be empty');
      try {
        return await api.done<'ContainerDelete'>('DELETE', `/containers/${trimmed}`, { query });
      } catch (error) {
        // With --force nothing to remove is as good as removed; it is told but no failure.
        if (!flags.force || !(error instanceof ApiError) || error.status !== 404) throw error;
        cli.warn(`${error.message}\n`);
        return false;
      }
    });
  },
});
