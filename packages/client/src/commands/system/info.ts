import { CliError, messageOf } from '../../base/errors.ts';
import { string } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { clientVersion } from '../../cli/version.ts';
import { currentContext } from '../../config/resolve.ts';
import { goArch } from '../../shared/arch.ts';
import { type ServerInfo, serverText } from '../../shared/info-text.ts';

export default command({
  use: '[OPTIONS]',
  about: 'Show information about the daemon and its machine',
  aliases: ['berth system info', 'berth info'],
  args: noArgs,
  flags: { format: string('f', '"json" or a Go template') },
  async run({ cli, flags }) {
    const show = flags.format
      ? (await import('../../format/one.ts')).oneFormatter('system.dockerInfo', flags.format)
      : undefined;
    const client = {
      Debug: cli.options.debug,
      Version: clientVersion,
      GitCommit: '',
      GoVersion: '',
      Os: 'linux',
      Arch: goArch(),
      BuildTime: '',
      Context: currentContext(cli),
      Plugins: [],
      Warnings: null,
    };
    let server: ServerInfo | undefined;
    const failures: string[] = [];
    try {
      server = await (await cli.api()).json<'SystemInfo'>('GET', '/info');
    } catch (error) {
      failures.push(messageOf(error));
    }
    if (show) {
      cli.print(
        show({ ...server, ...(failures.length ? { ServerErrors: failures } : {}), ClientInfo: client }),
      );
      if (failures.length) throw new CliError(failures.join('\n'));
      return;
    }
    const lines = [
      'Client:',
      ` Version:    ${client.Version}`,
      ` Context:    ${client.Context}`,
      ` Debug Mode: ${client.Debug}`,
      '',
      'Server:',
    ];
    cli.print(`${lines.join('\n')}\n`);
    if (server) {
      const { auths = {} } = cli.config().data;
      const { getCredentials } = await import('../../config/credentials.ts');
      // Nobody is logged in where nothing is stored; a helper is not started for that.
      const index = server.IndexServerAddress ?? '';
      const user = Object.keys(auths).includes(index)
        ? ((await getCredentials(cli.config(), index).catch(() => undefined))?.username ?? '')
        : '';
      cli.print(`${serverText(server, user)}\n`);
      for (const warning of server.Warnings ?? []) cli.warn(`${warning}\n`);
    }
    for (const failure of failures) cli.warn(`ERROR: ${failure}\n`);
    if (failures.length) throw new CliError('errors pretty printing info');
  },
});
