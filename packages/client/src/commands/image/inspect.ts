import { string } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { inspectFormatFlag } from '../../shared/formats.ts';
import { inspectAll } from '../../shared/inspect.ts';
import { platformJson, platformVersions } from '../../shared/platforms.ts';

export default command({
  use: '[OPTIONS] IMAGE [IMAGE...]',
  about: 'Show all details of images',
  args: atLeast(1),
  flags: {
    format: inspectFormatFlag(),
    platform: string('', 'Show what the image is for this platform'),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const options = flags.platform
      ? { query: { platform: platformJson(flags.platform) }, version: platformVersions.inspect }
      : {};
    await inspectAll(cli, args, flags.format, async (name) => ({
      goType: 'types.ImageInspect',
      json: await api.text<'ImageInspect'>('GET', `/images/${name}/json`, options),
    }));
  },
});
