import { CliError } from '../../base/errors.ts';
import { command, exactly } from '../../cli/command.ts';

const kinds = ['C', 'A', 'D'];

export default command({
  use: 'CONTAINER',
  about: "List what changed in a container's filesystem",
  aliases: ['berth container diff', 'berth diff'],
  args: exactly(1),
  flags: {},
  async run({ cli, args }) {
    if (!args[0]) throw new CliError('Container name cannot be empty');
    const api = await cli.api();
    const changes = await api.json<'ContainerChanges'>('GET', `/containers/${args[0]}/changes`);
    cli.print((changes ?? []).map(({ Kind, Path }) => `${kinds[Kind] ?? Kind} ${Path}\n`).join(''));
  },
});
