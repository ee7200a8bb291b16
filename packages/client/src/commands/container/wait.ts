import { CliError, messageOf } from '../../base/errors.ts';
import { atLeast, command } from '../../cli/command.ts';

export default command({
  use: 'CONTAINER [CONTAINER...]',
  about: 'Wait until containers stop and print their exit codes',
  aliases: ['berth container wait', 'berth wait'],
  args: atLeast(1),
  flags: {},
  async run({ cli, args }) {
    const api = await cli.api();
    const failures: string[] = [];
    for (const name of args)
      try {
        const { StatusCode: code, Error: failure } = await api.json<'ContainerWait'>(
          'POST',
          `/containers/${name}/wait`,
        );
        if (failure) throw new CliError(failure.Message);
        cli.print(`${code}\n`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    if (failures.length) throw new CliError(failures.join('\n'));
  },
});
