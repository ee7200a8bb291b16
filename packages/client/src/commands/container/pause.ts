import { atLeast, command, forEach } from '../../cli/command.ts';

export default command({
  use: 'CONTAINER [CONTAINER...]',
  about: 'Freeze all processes of containers',
  aliases: ['berth container pause', 'berth pause'],
  args: atLeast(1),
  flags: {},
  async run({ cli, args }) {
    const api = await cli.api();
    await forEach(cli, args, (name) => api.done<'ContainerPause'>('POST', `/containers/${name}/pause`));
  },
});
