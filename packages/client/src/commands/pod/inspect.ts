import { atLeast, command } from '../../cli/command.ts';
import { inspectFormatFlag } from '../../shared/formats.ts';
import { inspectAll } from '../../shared/inspect.ts';

export default command({
  use: '[OPTIONS] POD [POD...]',
  about: 'Show all details of pods',
  args: atLeast(1),
  flags: { format: inspectFormatFlag() },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    await inspectAll(cli, args, flags.format, async (id) => ({
      goType: 'pod.Pod',
      json: await api.text<'PodInspect'>('GET', `/pods/${id}`),
    }));
  },
});
