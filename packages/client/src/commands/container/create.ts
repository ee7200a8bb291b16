import { atLeast, command } from '../../cli/command.ts';
import { containerFlags, renamedContainerFlags } from '../../parse/container-flags.ts';
import { createContainer, prepareContainer } from '../../shared/create.ts';

export default command({
  use: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  about: 'Create a container',
  aliases: ['berth container create', 'berth create'],
  args: atLeast(1),
  interspersed: false,
  renamed: renamedContainerFlags,
  flags: containerFlags,
  async run({ cli, flags, given, args, path }) {
    const { api, settings } = await prepareContainer(cli, { flags, given, args, path });
    cli.print(`${await createContainer(cli, api, settings, flags)}\n`);
  },
});
