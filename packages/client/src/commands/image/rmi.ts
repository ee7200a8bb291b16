import { CliError, messageOf } from '../../base/errors.ts';
import { bool, strings } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { platformJson, platformVersions } from '../../shared/platforms.ts';
import { ApiError } from '../../transport/api.ts';

export default command({
  use: '[OPTIONS] IMAGE [IMAGE...]',
  about: 'Remove images',
  aliases: ['berth image rm', 'berth image remove', 'berth rmi'],
  args: atLeast(1),
  flags: {
    force: bool('f', 'Remove the image although stopped containers use it or it has several names'),
    'no-prune': bool('', 'Keep untagged parents'),
    platform: strings(
      '',
      'Remove only what the image has for this platform (may be repeated; needs --force)',
    ),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const platforms = flags.platform.map(platformJson);
    const errors: string[] = [];
    let fatal = false;
    for (const name of args)
      try {
        const removed = await api.json<'ImageDelete'>('DELETE', `/images/${name}`, {
          query: {
            force: flags.force || undefined,
            noprune: flags['no-prune'] || undefined,
            ...(platforms.length > 0 && { platforms }),
          },
          ...(platforms.length > 0 && { version: platformVersions.remove }),
        });
        for (const { Untagged, Deleted } of removed)
          cli.print(Deleted ? `Deleted: ${Deleted}\n` : `Untagged: ${Untagged}\n`);
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        if (!(error instanceof ApiError) || error.status !== 404) fatal = true;
        errors.push(messageOf(error));
      }
    if (!errors.length) return;
    // With --force an image that is not there is told, but no failure.
    if (!flags.force || fatal) throw new CliError(errors.join('\n'));
    cli.warn(`${errors.join('\n')}\n`);
  },
});
