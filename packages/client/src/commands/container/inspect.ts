import { bool, string } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { inspectAll } from '../../shared/inspect.ts';

export default command({
  use: '[OPTIONS] CONTAINER [CONTAINER...]',
  about: 'Show all details of containers',
  args: atLeast(1),
  flags: {
    format: string('f', '"json" for one line, or a Go template for each'),
    size: bool('s', 'How much disk they take'),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const query = { size: flags.size || undefined };
    await inspectAll(cli, args, flags.format, async (name) => ({
      goType: 'types.ContainerJSON',
      json: await api.text<'ContainerInspect'>('GET', `/containers/${name}/json`, { query }),
    }));
  },
});
