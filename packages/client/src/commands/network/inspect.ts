import { bool } from '../../base/flags.ts';
import { atLeast, command } from '../../cli/command.ts';
import { inspectFormatFlag } from '../../shared/formats.ts';
import { inspectAll } from '../../shared/inspect.ts';

export default command({
  use: '[OPTIONS] NETWORK [NETWORK...]',
  about: 'Show all details of networks',
  args: atLeast(1),
  flags: { format: inspectFormatFlag(), verbose: bool('v', 'Show more, for diagnostics') },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const query = { verbose: flags.verbose || undefined };
    await inspectAll(cli, args, flags.format, async (name) => ({
      goType: 'types.NetworkResource',
      json: await api.text<'NetworkInspect'>('GET', `/networks/${name}`, { query }),
    }));
  },
});
