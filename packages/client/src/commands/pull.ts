import { command, exactly } from '../cli/command.ts';
import { CliError } from '../cli/errors.ts';
import { bool, string } from '../cli/flags.ts';
import { canonical, parseReference, withDefaultTag } from '../parse/reference.ts';
import { pullImage } from './shared/pull.ts';

export default command({
  use: '[OPTIONS] NAME[:TAG|@DIGEST]',
  about: 'Download an image from a registry',
  aliases: ['berth image pull', 'berth pull'],
  args: exactly(1),
  flags: {
    'all-tags': bool('a', 'Download all tags of the repository'),
    'disable-content-trust': bool('', 'Accepted for compatibility; signatures are not checked', {
      initial: true,
      hidden: true,
    }),
    platform: string('', 'Platform of the image: os/architecture'),
    quiet: bool('q', 'Only print the name of the image'),
  },
  async run({ cli, flags, args }) {
    let image = parseReference(args[0]!);
    const bare = !image.tag && !image.digest;
    const all = flags['all-tags'];
    if (all && !bare) throw new CliError("tag can't be used with --all-tags/-a");
    if (!all && bare) {
      image = withDefaultTag(image);
      if (!flags.quiet) cli.print(`Using default tag: ${image.tag}\n`);
    }
    await pullImage(cli, await cli.api(), image, {
      platform: flags.platform,
      where: flags.quiet ? 'nowhere' : 'out',
      all,
    });
    cli.print(`${canonical(image)}\n`);
  },
});
