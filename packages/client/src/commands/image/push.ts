import { CliError } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { canonical } from '../../parse/reference.ts';
import { contentTrustFlag } from '../../shared/formats.ts';
import { cancellable, namedImage } from '../../shared/pull.ts';
import { pushImage } from '../../shared/push.ts';

export default command({
  use: '[OPTIONS] NAME[:TAG]',
  about: 'Upload an image to a registry',
  aliases: ['berth image push', 'berth push'],
  args: exactly(1),
  flags: {
    'all-tags': bool('a', 'Upload all tags of the repository'),
    'disable-content-trust': contentTrustFlag(),
    platform: string('', 'Upload only this platform of the image'),
    quiet: bool('q', 'Only print the name of the image'),
  },
  async run({ cli, flags, args }) {
    const all = flags['all-tags'];
    const image = namedImage(cli, args[0]!, { all, quiet: flags.quiet });
    if (image.digest) throw new CliError('cannot push a digest reference');
    const api = await cli.api();
    await cancellable((signal) =>
      pushImage(cli, api, image, {
        tag: all ? '' : image.tag,
        platform: flags.platform,
        where: flags.quiet ? 'nowhere' : 'out',
        signal,
      }),
    );
    if (flags.quiet) cli.print(`${canonical(image)}\n`);
  },
});
