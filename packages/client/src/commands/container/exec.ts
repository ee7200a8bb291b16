import { CliError, messageOf } from '../../base/errors.ts';
import { bool, list, string } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { checkEnv, keyValues } from '../../parse/environment.ts';
import { detachKeysOf, followTerminalSize, streamAll } from '../../terminal/attach.ts';
import { ConnectionError } from '../../transport/errors.ts';

export default command({
  use: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  about: 'Run a command in a running container',
  aliases: ['berth container exec', 'berth exec'],
  args: atLeast(2),
  interspersed: false,
  flags: {
    detach: bool('d', 'Run the command in the background'),
    'detach-keys': string('', 'Keys that end the attachment'),
    env: list('e', 'Set an environment variable', checkEnv),
    'env-file': list('', 'Read environment variables from a file'),
    interactive: bool('i', 'Keep STDIN open even if not attached'),
    privileged: bool('', 'Give the command extended privileges'),
    tty: bool('t', 'Give the command a terminal'),
    user: string('u', 'User of the command: name or UID, with :group or :GID'),
    workdir: string('w', 'Working folder'),
  },
  async run({ cli, flags, args }) {
    const [container, ...words] = args;
    const { detach, tty } = flags;
    const stdin = !detach && flags.interactive;
    const keys = detachKeysOf(cli, flags['detach-keys']);
    const env = keyValues(flags['env-file'], flags.env, true);
    const api = await cli.api();
    if (!detach && stdin && tty && !cli.stdinIsTerminal) {
      // A container that does not exist is the more important news.
      await api.done<'ContainerInspect'>('GET', `/containers/${container}/json`);
      cli.checkTerminal(stdin, tty);
    }
    const size = tty ? { ConsoleSize: cli.terminalSize() ?? [0, 0] } : {};
    const { Id: id } = await api.json<'ContainerExec'>('POST', `/containers/${container}/exec`, {
      body: {
        User: flags.user,
        Privileged: flags.privileged,
        Tty: tty,
        ...size,
        AttachStdin: stdin,
        AttachStdout: !detach,
        AttachStderr: !detach,
        Detach: detach,
        DetachKeys: keys,
        Env: env.length ? env : undefined,
        WorkingDir: flags.workdir,
        Cmd: words,
      },
    });
    if (!id) throw new CliError('exec ID empty');
    if (detach)
      return api.done<'ExecStart'>('POST', `/exec/${id}/start`, {
        body: { Detach: true, Tty: tty, ...size },
      });
    const { socket } = await api.hijack<'ExecStart'>(`/exec/${id}/start`, {
      body: { Detach: false, Tty: tty, ...size },
    });
    const streaming = streamAll(cli, { socket, stdin, tty, detachKeys: keys });
    if (tty && cli.stdinIsTerminal) followTerminalSize(cli, api, `/exec/${id}`);
    await streaming.done.catch((error: unknown) => {
      throw new CliError(messageOf(error));
    });
    let code: number;
    try {
      code = (await api.json<'ExecInspect'>('GET', `/exec/${id}/json`)).ExitCode ?? 0;
    } catch (error) {
      if (error instanceof ConnectionError) throw new CliError('', 255);
      throw error;
    }
    if (code) throw new CliError('', code);
  },
});
