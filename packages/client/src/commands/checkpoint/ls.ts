import { command, exactly } from '../../cli/command.ts';
import { checkpointDirFlag } from '../../shared/checkpoints.ts';

export default command({
  use: '[OPTIONS] CONTAINER',
  about: 'List the checkpoints of a container',
  aliases: ['berth checkpoint ls', 'berth checkpoint list'],
  args: exactly(1),
  flags: checkpointDirFlag,
  async run({ cli, flags, args: [container] }) {
    const api = await cli.api();
    const list = await api.json<'CheckpointList'>('GET', `/containers/${container}/checkpoints`, {
      query: { dir: flags['checkpoint-dir'] || undefined },
    });
    cli.print(
      ['CHECKPOINT NAME', ...(list ?? []).map(({ Name }) => Name)].map((line) => `${line}\n`).join(''),
    );
  },
});
