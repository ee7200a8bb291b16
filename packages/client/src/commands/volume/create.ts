import { CliError } from '../../base/errors.ts';
import { list, map, string } from '../../base/flags.ts';
import { atMost, command } from '../../cli/command.ts';
import { toMap } from '../../parse/environment.ts';

export default command({
  use: '[OPTIONS] [VOLUME]',
  about: 'Create a volume',
  args: atMost(1),
  flags: {
    driver: string('d', 'Driver of the volume', { initial: 'local' }),
    label: list('', 'Label of the volume'),
    name: string('', 'Name of the volume', { hidden: true }),
    opt: map('o', 'Option for the driver', { shown: 'map[]' }),
  },
  async run({ cli, flags, args }) {
    if (args.length && flags.name)
      throw new CliError('conflicting options: either specify --name or provide positional arg, not both');
    const api = await cli.api();
    const volume = await api.json<'VolumeCreate'>('POST', '/volumes/create', {
      body: {
        Name: args[0] ?? flags.name,
        Driver: flags.driver,
        DriverOpts: flags.opt,
        Labels: toMap(flags.label),
      },
    });
    cli.print(`${volume.Name}\n`);
  },
});
