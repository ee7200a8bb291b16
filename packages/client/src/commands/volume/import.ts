import { CliError } from '../../base/errors.ts';
import { atLeast, command } from '../../cli/command.ts';
import { readFileStream, stdinStream } from '../../shared/files.ts';
import { cancellable } from '../../shared/pull.ts';

export default command({
  use: 'VOLUME [file|-]',
  about: 'Make a volume of a tar archive',
  more: 'Into a new volume, or into one that is empty and that no container refers to. One that is broken off leaves nothing.',
  args: atLeast(1),
  flags: {},
  async run({ cli, args: [name, source = '-', ...more] }) {
    if (more.length > 0) throw new CliError('accepts at most 2 arguments.');
    if (source === '-' && cli.stdinIsTerminal)
      throw new CliError('cannot import from a terminal: name a file, or redirect the input');
    const body = source === '-' ? stdinStream() : readFileStream(source);
    const api = await cli.api();
    await cancellable(async (signal) => {
      const { body: answer } = await api.call<'VolumeImport'>('POST', `/volumes/${name}/import`, {
        body,
        headers: { 'Content-Type': 'application/x-tar' },
        signal,
      });
      for await (const _ of answer);
    });
    cli.print(`${name}\n`);
  },
});
