import { bool } from '../../base/flags.ts';
import { atLeast, command, forEach } from '../../cli/command.ts';

export default command({
  use: '[OPTIONS] VOLUME [VOLUME...]',
  about: 'Remove volumes',
  more: 'A volume that a container uses cannot be removed.',
  aliases: ['berth volume rm', 'berth volume remove'],
  args: atLeast(1),
  flags: { force: bool('f', 'A volume that does not exist is no failure') },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const query = { force: flags.force || undefined };
    await forEach(
      cli,
      args,
      (name) => api.done<'VolumeDelete'>('DELETE', `/volumes/${name}`, { query }),
      false,
    );
  },
});
