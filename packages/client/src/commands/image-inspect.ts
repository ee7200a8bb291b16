import { atLeast, command } from '../cli/command.ts';
import { inspectAll } from '../format/inspect.ts';
import { inspectFormatFlag } from './shared/formats.ts';

export default command({
  use: '[OPTIONS] IMAGE [IMAGE...]',
  about: 'Show all details of images',
  args: atLeast(1),
  flags: { format: inspectFormatFlag() },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    await inspectAll(cli, args, flags.format, async (name) => ({
      goType: 'types.ImageInspect',
      json: await api.text('GET', `/images/${name}/json`),
    }));
  },
});
