import { CliError } from '../../base/errors.ts';
import { bool, string, strings } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { readFileStream, stdinStream, writeToStdout } from '../../shared/files.ts';
import { archivePlatforms } from '../../shared/platforms.ts';
import { cancellable } from '../../shared/pull.ts';
import { showProgressOn } from '../../terminal/progress.ts';

export default command({
  use: '[OPTIONS]',
  about: 'Load images from a tar archive or standard input',
  aliases: ['berth image load', 'berth load'],
  args: noArgs,
  flags: {
    input: string('i', 'Read from this file instead of standard input'),
    platform: strings('', 'Only this platform of the images (may be repeated)'),
    quiet: bool('q', 'Show no progress'),
  },
  async run({ cli, flags }) {
    if (!flags.input && cli.stdinIsTerminal)
      throw new CliError('requested load from stdin, but stdin is empty');
    const body = flags.input ? readFileStream(flags.input) : stdinStream();
    const api = await cli.api();
    const { query, ...version } = archivePlatforms(flags.platform);
    await cancellable(async (signal) => {
      const answer = await api.call<'ImageLoad'>('POST', '/images/load', {
        query: { quiet: flags.quiet || !cli.stdoutIsTerminal, ...query },
        headers: { 'Content-Type': 'application/x-tar' },
        body,
        signal,
        ...version,
      });
      if (answer.headers['content-type']?.startsWith('application/json'))
        await showProgressOn(cli, answer.body, 'out');
      else await writeToStdout(cli, answer.body);
    });
  },
});
