import { command, noArgs } from '../../cli/command.ts';
import { currentContext } from '../../config/resolve.ts';

export default command({
  use: '',
  about: 'Print the name of the context in use',
  args: noArgs,
  flags: {},
  async run({ cli }) {
    cli.print(`${currentContext(cli)}\n`);
  },
});
