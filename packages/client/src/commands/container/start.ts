import { CliError, messageOf } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { atLeast, command } from '../../cli/command.ts';
import { waitForExit } from '../../shared/wait.ts';
import {
  detachKeysOf,
  followTerminalSize,
  forwardSignals,
  streamAll,
  streamToEnd,
} from '../../terminal/attach.ts';
import type { Api } from '../../transport/api.ts';

export default command({
  use: '[OPTIONS] CONTAINER [CONTAINER...]',
  about: 'Start stopped containers',
  aliases: ['berth container start', 'berth start'],
  args: atLeast(1),
  flags: {
    attach: bool('a', 'Attach STDOUT and STDERR, and forward signals'),
    checkpoint: string('', 'Restore this checkpoint'),
    'checkpoint-dir': string('', "Where the checkpoint is, if not in the container's own folder"),
    'detach-keys': string('', 'Keys that end the attachment'),
    interactive: bool('i', "Attach the container's STDIN"),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const query = {
      checkpoint: flags.checkpoint || undefined,
      'checkpoint-dir': flags['checkpoint-dir'] || undefined,
    };
    if (flags.attach || flags.interactive) {
      if (args.length > 1) throw new CliError('you cannot start and attach multiple containers at once');
      return startAttached(
        cli,
        api,
        args[0]!,
        flags.interactive,
        detachKeysOf(cli, flags['detach-keys']),
        query,
      );
    }
    if (flags.checkpoint && args.length > 1)
      throw new CliError('you cannot restore multiple containers at once');
    const failed: string[] = [];
    for (const name of args)
      try {
        await api.done<'ContainerStart'>('POST', `/containers/${name}/start`, { query });
        cli.print(`${name}\n`);
      } catch (error) {
        cli.warn(`${messageOf(error)}\n`);
        failed.push(name);
      }
    if (failed.length) throw new CliError(`Error: failed to start containers: ${failed.join(', ')}`);
  },
});

async function startAttached(
  cli: Cli,
  api: Api,
  name: string,
  interactive: boolean,
  keys: string,
  query: Record<string, string | undefined>,
): Promise<void> {
  const {
    Id: id,
    Config,
    HostConfig,
  } = await api.json<'ContainerInspect'>('GET', `/containers/${name}/json`);
  const { Tty: tty } = Config;
  const stdin = interactive && Config.OpenStdin;
  const stopForwarding = tty ? undefined : forwardSignals(api, id);
  // Both must listen before the start, so that nothing is missed.
  const [{ socket }, exit] = await Promise.all([
    api.hijack<'ContainerAttach'>(`/containers/${id}/attach`, {
      query: { stream: true, stdin, stdout: true, stderr: true, detachKeys: keys || undefined },
    }),
    waitForExit(api, id, HostConfig.AutoRemove ? 'removed' : 'next-exit', (text) => cli.warn(text)),
  ]);
  const streaming = streamAll(cli, { socket, stdin, tty, detachKeys: keys });
  streaming.done.catch(() => undefined);
  try {
    await api.done<'ContainerStart'>('POST', `/containers/${id}/start`, { query });
  } catch (error) {
    streaming.stop();
    if (HostConfig.AutoRemove) await exit.code;
    throw error;
  }
  if (tty && cli.stdoutIsTerminal) followTerminalSize(cli, api, `/containers/${id}`);
  if (!(await streamToEnd(streaming, stopForwarding))) return;
  const code = await exit.code;
  if (code) throw new CliError('', code);
}
