import { bool } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { checkpointDirFlag } from '../../shared/checkpoints.ts';

export default command({
  use: '[OPTIONS] CONTAINER CHECKPOINT',
  about: 'Write the processes of a running container to files',
  more: 'The container ends with it, unless --leave-running is given. The daemon must be experimental, and the container run under a runtime that can call CRIU.',
  args: exactly(2),
  flags: {
    ...checkpointDirFlag,
    'leave-running': bool('', 'The container goes on running'),
  },
  async run({ cli, flags, args: [container, checkpoint] }) {
    const api = await cli.api();
    await api.done<'CheckpointCreate'>('POST', `/containers/${container}/checkpoints`, {
      body: {
        CheckpointID: checkpoint!,
        CheckpointDir: flags['checkpoint-dir'],
        Exit: !flags['leave-running'],
      },
    });
    cli.print(`${checkpoint}\n`);
  },
});
