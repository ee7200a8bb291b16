import { atLeast, command, forEach } from '../../cli/command.ts';

export default command({
  use: 'CONTAINER [CONTAINER...]',
  about: 'Let frozen containers go on',
  aliases: ['berth container unpause', 'berth unpause'],
  args: atLeast(1),
  flags: {},
  async run({ cli, args }) {
    const api = await cli.api();
    await forEach(cli, args, (name) => api.done<'ContainerUnpause'>('POST', `/containers/${name}/unpause`));
  },
});
