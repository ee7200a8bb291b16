import { list, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { toMap } from '../../parse/environment.ts';
import { cancellable } from '../../shared/pull.ts';

export default command({
  use: '[OPTIONS] VOLUME NEW',
  about: 'Make a volume with the files of another',
  more: 'Files share their data where the file system can (XFS, btrfs), else they are copied. Stop or pause containers that write to it, or files may be of different moments.',
  args: exactly(2),
  flags: {
    label: list('', 'Labels of the new volume'),
    reflink: string('', "'auto', or 'always': never copy data", { initial: 'auto' }),
  },
  async run({ cli, flags, args: [from, to] }) {
    const api = await cli.api();
    await cancellable(async (signal) => {
      const { Volume: volume } = await api.json<'VolumeClone'>('POST', `/volumes/${from}/clone`, {
        body: { ...(to && { Name: to }), Labels: toMap(flags.label), Reflink: flags.reflink as 'auto' },
        signal,
      });
      cli.print(`${volume.Name}\n`);
    });
  },
});
