import { list, string } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { parseReference } from '../../parse/reference.ts';
import { readFileStream, stdinStream } from '../../shared/files.ts';
import { cancellable } from '../../shared/pull.ts';
import { showProgressOn } from '../../terminal/progress.ts';

export default command({
  use: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  about: 'Make an image from a tar archive of a filesystem',
  aliases: ['berth image import', 'berth import'],
  args: atLeast(1),
  flags: {
    change: list('c', 'Apply a Dockerfile instruction to the image'),
    message: string('m', 'Comment of the image'),
    platform: string('', 'Platform of the image: os/architecture'),
  },
  async run({ cli, flags, args }) {
    const [source, reference = ''] = args as [string, string?];
    let body: AsyncIterable<Buffer> | undefined;
    if (source === '-') body = stdinStream();
    else if (!/^https?:\/\//.test(source)) body = readFileStream(source);
    if (reference) parseReference(reference);
    const api = await cli.api();
    await cancellable(async (signal) => {
      const answer = await api.call<'ImageCreate'>('POST', '/images/create', {
        query: {
          fromSrc: body ? '-' : source,
          repo: reference || undefined,
          message: flags.message || undefined,
          platform: flags.platform || undefined,
          changes: flags.change,
        },
        ...(body ? { body, headers: { 'Content-Type': 'application/x-tar' } } : {}),
        signal,
      });
      await showProgressOn(cli, answer.body, 'out');
    });
  },
});
