import { atLeast, command } from '../cli/command.ts';
import { CliError } from '../cli/errors.ts';
import { string } from '../cli/flags.ts';
import { checkOutputPath, saveToFile, writeToStdout } from './shared/files.ts';
import { cancellable } from './shared/pull.ts';

export default command({
  use: '[OPTIONS] IMAGE [IMAGE...]',
  about: 'Write images to a tar archive',
  aliases: ['berth image save', 'berth save'],
  args: atLeast(1),
  flags: { output: string('o', 'Write to this file instead of standard output') },
  async run({ cli, flags, args }) {
    if (!flags.output && cli.stdoutIsTerminal)
      throw new CliError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    if (flags.output) checkOutputPath(flags.output, 'failed to save image');
    const api = await cli.api();
    await cancellable(async (signal) => {
      const { body } = await api.call('GET', '/images/get', { query: { names: args }, signal });
      await (flags.output ? saveToFile(flags.output, body) : writeToStdout(cli, body));
    });
  },
});
