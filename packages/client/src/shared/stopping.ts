import { int, string } from '../base/flags.ts';
import { atLeast, command, forEach } from '../cli/command.ts';

/** `stop` and `restart`: the same options and arguments, another request. */
export const stopping = (verb: 'stop' | 'restart', about: string) =>
  command({
    use: '[OPTIONS] CONTAINER [CONTAINER...]',
    about,
    aliases: [`berth container ${verb}`, `berth ${verb}`],
    args: atLeast(1),
    renamed: { timeout: 'time' },
    flags: {
      signal: string('s', 'Signal to stop with'),
      time: int('t', 'Seconds to wait before killing; -1 waits without an end'),
    },
    async run({ cli, flags, given, args }) {
      const api = await cli.api();
      // Without --time the container's own timeout holds.
      const query = { signal: flags.signal || undefined, t: given.has('time') ? flags.time : undefined };
      await forEach(cli, args, (name) =>
        api.done<'ContainerStop' | 'ContainerRestart'>('POST', `/containers/${name}/${verb}`, { query }),
      );
    },
  });
