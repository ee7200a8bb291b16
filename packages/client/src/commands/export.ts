import { command, exactly } from '../cli/command.ts';
import { CliError, messageOf } from '../cli/errors.ts';
import { string } from '../cli/flags.ts';
import { checkOutputPath, writeToFile } from './shared/output-file.ts';

export default command({
  use: '[OPTIONS] CONTAINER',
  about: "Write a container's filesystem as a tar archive",
  aliases: ['berth container export', 'berth export'],
  args: exactly(1),
  flags: { output: string('o', 'Write to a file instead of STDOUT') },
  async run({ cli, flags, args }) {
    if (!flags.output && cli.stdoutIsTerminal)
      throw new CliError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    if (flags.output)
      try {
        checkOutputPath(flags.output);
      } catch (error) {
        throw new CliError(`failed to export container: ${messageOf(error)}`);
      }
    const api = await cli.api();
    const { body } = await api.call('GET', `/containers/${args[0]}/export`);
    if (flags.output) return writeToFile(flags.output, body);
    for await (const chunk of body) await cli.out.writeAll(chunk);
  },
});
