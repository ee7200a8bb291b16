import { atLeast, command } from '../../cli/command.ts';
import { inspectFormatFlag } from '../../shared/formats.ts';
import { inspectAll } from '../../shared/inspect.ts';

export default command({
  use: '[OPTIONS] VOLUME [VOLUME...]',
  about: 'Show all details of volumes',
  args: atLeast(1),
  flags: { format: inspectFormatFlag() },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    await inspectAll(cli, args, flags.format, async (name) => ({
      goType: 'volume.Volume',
      json: await api.text<'VolumeInspect'>('GET', `/volumes/${name}`),
    }));
  },
});
