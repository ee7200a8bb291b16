import type { ResponseOf } from '@berth/api-spec';
import { CliError, messageOf } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import type { InspectedContainer } from '../../shared/container.ts';
import { detachKeysOf, followTerminalSize, forwardSignals, streamAll } from '../../terminal/attach.ts';
import type { Api } from '../../transport/api.ts';

/** The container, when it can be attached to. */
async function runningContainer(api: Api, name: string): Promise<InspectedContainer> {
  const container = await api.json<'ContainerInspect'>('GET', `/containers/${name}/json`);
  const { Running, Paused, Restarting } = container.State;
  if (!Running) throw new CliError('You cannot attach to a stopped container, start it first');
  if (Paused) throw new CliError('You cannot attach to a paused container, unpause it first');
  if (Restarting) throw new CliError('You cannot attach to a restarting container, wait until it is running');
  return container;
}

export default command({
  use: '[OPTIONS] CONTAINER',
  about: 'Attach your terminal to a running container',
  aliases: ['berth container attach', 'berth attach'],
  args: exactly(1),
  flags: {
    'detach-keys': string('', 'Keys that end the attachment'),
    'no-stdin': bool('', 'Leave STDIN alone'),
    'sig-proxy': bool('', 'Forward the signals this client gets to the process', { initial: true }),
  },
  async run({ cli, flags, args }) {
    const name = args[0]!;
    const api = await cli.api();
    const { Id: id, Config } = await runningContainer(api, name);
    const { Tty: tty, OpenStdin } = Config;
    cli.checkTerminal(!flags['no-stdin'], tty);
    const keys = detachKeysOf(cli, flags['detach-keys']);
    const stdin = !flags['no-stdin'] && OpenStdin;
    if (flags['sig-proxy'] && !tty) forwardSignals(api, id);
    // The daemon answers at once and sends the code when the container has ended.
    const exit = await api.call<'ContainerWait'>('POST', `/containers/${id}/wait`);
    const { socket } = await api.hijack<'ContainerAttach'>(`/containers/${name}/attach`, {
      query: { stream: true, stdin, stdout: true, stderr: true, detachKeys: keys || undefined },
    });
    // It may have ended in between; then nothing would ever come.
    await runningContainer(api, name).catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    const streaming = streamAll(cli, { socket, stdin, tty, detachKeys: keys });
    if (tty && cli.stdoutIsTerminal) {
      const size = cli.terminalSize();
      // A size that changes makes a full-screen program draw itself anew.
      if (size)
        await api
          .done<'ContainerResize'>('POST', `/containers/${id}/resize`, {
            query: { h: String(size[0] + 1), w: String(size[1] + 1) },
          })
          .catch(() => undefined);
      followTerminalSize(cli, api, `/containers/${id}`);
    }
    await streaming.done.catch((error: unknown) => {
      throw new CliError(messageOf(error));
    });
    const { StatusCode, Error: failure } = JSON.parse(await exit.body.text()) as ResponseOf<'ContainerWait'>;
    if (failure) throw new CliError(failure.Message);
    if (StatusCode) throw new CliError('', StatusCode);
  },
});
