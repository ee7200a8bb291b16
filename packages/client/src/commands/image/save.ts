import { string, strings } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { checkOutput, writeArchive } from '../../shared/output-file.ts';
import { archivePlatforms } from '../../shared/platforms.ts';
import { cancellable } from '../../shared/pull.ts';

export default command({
  use: '[OPTIONS] IMAGE [IMAGE...]',
  about: 'Write images to a tar archive',
  aliases: ['berth image save', 'berth save'],
  args: atLeast(1),
  flags: {
    output: string('o', 'Write to this file instead of standard output'),
    platform: strings('', 'Only this platform of the images (may be repeated)'),
  },
  async run({ cli, flags, args }) {
    checkOutput(flags.output, cli.stdoutIsTerminal, 'save image');
    const api = await cli.api();
    await cancellable(async (signal) => {
      const { query, ...version } = archivePlatforms(flags.platform);
      const { body } = await api.call<'ImageGetAll'>('GET', '/images/get', {
        query: { names: args, ...query },
        signal,
        ...version,
      });
      await writeArchive(cli, flags.output, body);
    });
  },
});
