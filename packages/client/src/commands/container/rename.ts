import { CliError, messageOf } from '../../base/errors.ts';
import { command, exactly } from '../../cli/command.ts';

export default command({
  use: 'CONTAINER NEW_NAME',
  about: 'Rename a container',
  aliases: ['berth container rename', 'berth rename'],
  args: exactly(2),
  flags: {},
  async run({ cli, args }) {
    const [oldName, newName] = args.map((name) => name.trim()) as [string, string];
    if (!oldName || !newName) throw new CliError('Error: Neither old nor new names may be empty');
    const api = await cli.api();
    try {
      await api.done<'ContainerRename'>('POST', `/containers/${oldName}/rename`, {
        query: { name: newName },
      });
    } catch (error) {
      throw new CliError(`${messageOf(error)}\nError: failed to rename container named ${oldName}`);
    }
  },
});
