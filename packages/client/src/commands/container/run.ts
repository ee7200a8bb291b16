import { CliError } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { type Cli, program } from '../../cli/cli.ts';
import { atLeast, command } from '../../cli/command.ts';
import type { ContainerSettings } from '../../parse/container-config.ts';
import { containerFlags, renamedContainerFlags } from '../../parse/container-flags.ts';
import { createContainer, prepareContainer, reportedError } from '../../shared/create.ts';
import { waitForExit } from '../../shared/wait.ts';
import {
  detachKeysOf,
  followTerminalSize,
  forwardSignals,
  stream,
  streamToEnd,
} from '../../terminal/attach.ts';
import type { Api } from '../../transport/api.ts';

/** Docker's exit code for a container that could not be started. */
function startExitCode(message: string): number {
  if (
    /executable file not found|no such file or directory|system cannot find the file specified/.test(message)
  )
    return 127;
  if (/permission denied|is a directory/.test(message)) return 126;
  return 125;
}

export default command({
  use: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  about: 'Create a container from an image and run it',
  aliases: ['berth container run', 'berth run'],
  args: atLeast(1),
  interspersed: false,
  renamed: renamedContainerFlags,
  flags: {
    ...containerFlags,
    detach: bool('d', 'Run in the background and print the ID of the container'),
    'detach-keys': string('', 'Keys that end the attachment'),
    'sig-proxy': bool('', 'Forward the signals this client gets to the process', { initial: true }),
  },
  async run({ cli, flags, given, args, path }) {
    const { api, settings } = await prepareContainer(cli, { flags, given, args, path });
    const { config } = settings;
    if (!flags.detach) cli.checkTerminal(config.AttachStdin, config.Tty);
    else {
      if (flags.attach.length) throw new CliError('Conflicting options: -a and -d');
      config.AttachStdin = config.AttachStdout = config.AttachStderr = config.StdinOnce = false;
    }
    const keys = detachKeysOf(cli, flags['detach-keys']);
    let id: string;
    try {
      id = await createContainer(cli, api, settings, flags);
    } catch (error) {
      if (error instanceof CliError && error.exitCode === 130) throw error;
      throw new CliError(reportedError(path, error, true), startExitCode((error as Error).message));
    }
    await runCreated(cli, api, id, config, {
      keys,
      autoRemove: flags.rm,
      forward: flags['sig-proxy'],
    });
  },
});

async function runCreated(
  cli: Cli,
  api: Api,
  id: string,
  config: ContainerSettings['config'],
  options: { keys: string; autoRemove: boolean; forward: boolean },
): Promise<void> {
  const { AttachStdin: stdin, AttachStdout: stdout, AttachStderr: stderr, Tty: tty } = config;
  const attached = stdin || stdout || stderr;
  const stopForwarding = options.forward ? forwardSignals(api, id) : undefined;
  if (!stdout && !stderr) cli.print(`${id}\n`);
  // Both must listen before the start, so that nothing is missed; neither waits for the other.
  const [attachment, exit] = await Promise.all([
    attached
      ? api.hijack<'ContainerAttach'>(`/containers/${id}/attach`, {
          query: { stream: true, stdin, stdout, stderr, detachKeys: options.keys || undefined },
        })
      : undefined,
    attached
      ? waitForExit(api, id, options.autoRemove ? 'removed' : 'next-exit', (text) => cli.warn(text))
      : undefined,
  ]);
  const streaming =
    attachment &&
    stream({
      socket: attachment.socket,
      stdin,
      ...(stdout ? { out: cli.out } : {}),
      ...(stderr ? { err: tty ? cli.out : cli.err } : {}),
      tty,
      detachKeys: options.keys,
    });
  streaming?.done.catch(() => undefined);
  try {
    await api.done<'ContainerStart'>('POST', `/containers/${id}/start`);
  } catch (error) {
    streaming?.stop();
    cli.warn(`${program}: ${(error as Error).message.replace(/\.$/, '')}.\n`);
    if (options.autoRemove) await exit?.code;
    throw new CliError('', startExitCode((error as Error).message));
  }
  if (!streaming) return;
  if (tty && cli.stdoutIsTerminal) followTerminalSize(cli, api, `/containers/${id}`);
  if (!(await streamToEnd(streaming, stopForwarding))) return;
  if (!stdout && !stderr) return;
  const code = await exit!.code;
  if (code) throw new CliError('', code);
}
