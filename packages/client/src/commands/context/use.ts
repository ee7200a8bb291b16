import { command, exactly } from '../../cli/command.ts';
import { contextStore } from '../../shared/contexts.ts';

export default command({
  use: 'CONTEXT',
  about: 'Choose the context to use from now on',
  args: exactly(1),
  flags: {},
  async run({ cli, args }) {
    const name = args[0]!;
    contextStore(cli).use(name);
    cli.print(`${name}\n`);
    cli.warn(`Current context is now "${name}"\n`);
    const variable = ['BERTH_HOST', 'DOCKER_HOST'].find((one) => cli.env[one]);
    if (variable && name !== 'default')
      cli.warn(
        `Warning: ${variable} environment variable overrides the active context. To use "${name}", either set the global --context flag, or unset ${variable} environment variable.\n`,
      );
  },
});
