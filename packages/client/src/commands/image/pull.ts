import { bool, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { canonical } from '../../parse/reference.ts';
import { contentTrustFlag } from '../../shared/formats.ts';
import { namedImage, pullImage } from '../../shared/pull.ts';

export default command({
  use: '[OPTIONS] NAME[:TAG|@DIGEST]',
  about: 'Download an image from a registry',
  aliases: ['berth image pull', 'berth pull'],
  args: exactly(1),
  flags: {
    'all-tags': bool('a', 'Download all tags of the repository'),
    'disable-content-trust': contentTrustFlag(),
    platform: string('', 'Platform of the image: os/architecture'),
    quiet: bool('q', 'Only print the name of the image'),
  },
  async run({ cli, flags, args }) {
    const all = flags['all-tags'];
    const image = namedImage(cli, args[0]!, { all, quiet: flags.quiet });
    await pullImage(cli, await cli.api(), image, {
      platform: flags.platform,
      where: flags.quiet ? 'nowhere' : 'out',
      all,
    });
    cli.print(`${canonical(image)}\n`);
  },
});
