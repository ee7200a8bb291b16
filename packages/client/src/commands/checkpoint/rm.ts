import { command, exactly } from '../../cli/command.ts';
import { checkpointDirFlag } from '../../shared/checkpoints.ts';

export default command({
  use: '[OPTIONS] CONTAINER CHECKPOINT',
  about: 'Remove a checkpoint',
  aliases: ['berth checkpoint rm', 'berth checkpoint remove'],
  args: exactly(2),
  flags: checkpointDirFlag,
  async run({ cli, flags, args: [container, checkpoint] }) {
    const api = await cli.api();
    await api.done<'CheckpointDelete'>('DELETE', `/containers/${container}/checkpoints/${checkpoint}`, {
      query: { dir: flags['checkpoint-dir'] || undefined },
    });
  },
});
