import { string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { checkOutput, writeArchive } from '../../shared/output-file.ts';

export default command({
  use: '[OPTIONS] VOLUME',
  about: 'Write the files of a volume as a tar archive',
  more: 'With owners, rights, times, extended attributes, hard links and holes. What is written meanwhile may be half old, half new.',
  args: exactly(1),
  flags: { output: string('o', 'Write to a file instead of STDOUT') },
  async run({ cli, flags, args }) {
    checkOutput(flags.output, cli.stdoutIsTerminal, 'export volume');
    const api = await cli.api();
    const { body } = await api.call<'VolumeExport'>('GET', `/volumes/${args[0]}/export`);
    await writeArchive(cli, flags.output, body);
  },
});
