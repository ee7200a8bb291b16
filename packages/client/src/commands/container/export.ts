import { string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { checkOutput, writeArchive } from '../../shared/output-file.ts';

export default command({
  use: '[OPTIONS] CONTAINER',
  about: "Write a container's filesystem as a tar archive",
  aliases: ['berth container export', 'berth export'],
  args: exactly(1),
  flags: { output: string('o', 'Write to a file instead of STDOUT') },
  async run({ cli, flags, args }) {
    checkOutput(flags.output, cli.stdoutIsTerminal, 'export container');
    const api = await cli.api();
    const { body } = await api.call<'ContainerExport'>('GET', `/containers/${args[0]}/export`);
    await writeArchive(cli, flags.output, body);
  },
});
