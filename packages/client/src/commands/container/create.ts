import { CliError } from '../../base/errors.ts';
import { atLeast, command } from '../../cli/command.ts';
import { type ContainerSettings, containerSettings } from '../../parse/container-config.ts';
import { containerFlags, renamedContainerFlags } from '../../parse/container-flags.ts';
import { checkPullPolicy, createContainer, proxies, reportedError } from '../../shared/create.ts';
import type { Api } from '../../transport/api.ts';

export default command({
  use: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  about: 'Create a container',
  aliases: ['berth container create', 'berth create'],
  args: atLeast(1),
  interspersed: false,
  renamed: renamedContainerFlags,
  flags: containerFlags,
  async run({ cli, flags, given, args, path }) {
    let settings: ContainerSettings;
    let api: Api;
    try {
      checkPullPolicy(flags.pull);
      api = await cli.api();
      const variables = cli.config().data.proxies ? proxies(cli, api.endpoint.host, flags.env) : {};
      settings = containerSettings(flags, given, args[0]!, args.slice(1), variables);
    } catch (error) {
      throw new CliError(reportedError(path, error, true), 125);
    }
    cli.print(`${await createContainer(cli, api, settings, flags)}\n`);
  },
});
