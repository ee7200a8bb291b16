import { string } from '../../base/flags.ts';
import { atLeast, command, forEach } from '../../cli/command.ts';

export default command({
  use: '[OPTIONS] CONTAINER [CONTAINER...]',
  about: 'Send a signal to running containers, SIGKILL by default',
  aliases: ['berth container kill', 'berth kill'],
  args: atLeast(1),
  flags: { signal: string('s', 'Signal to send') },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const query = { signal: flags.signal || undefined };
    await forEach(cli, args, (name) =>
      api.done<'ContainerKill'>('POST', `/containers/${name}/kill`, { query }),
    );
  },
});
