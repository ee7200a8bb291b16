import { list, string } from '../../base/flags.ts';
import { between, command, exactly } from '../../cli/command.ts';
import { toMap } from '../../parse/environment.ts';
import { cancellable } from '../pull.ts';

/* The commands that copy a volume, which differ in their words and paths only. */
const WORDS = {
  clone: { use: '[OPTIONS] VOLUME NEW', about: 'Make a volume with the files of another', args: exactly(2) },
  snapshot: {
    use: '[OPTIONS] VOLUME [NAME]',
    about: 'Keep the state of a volume as another volume',
    args: between(1, 2),
  },
};

/** `berth volume clone` and `berth volume snapshot`. */
export const copyVolume = (verb: keyof typeof WORDS) =>
  command({
    ...WORDS[verb],
    more: 'Files share their data where the file system can (XFS, btrfs), else they are copied. Stop or pause containers that write to it, or files may be of different moments.',
    flags: {
      label: list('', 'Labels of the new volume'),
      reflink: string('', "'auto', or 'always': never copy data", { initial: 'auto' }),
    },
    async run({ cli, flags, args: [from, to] }) {
      const api = await cli.api();
      await cancellable(async (signal) => {
        const { Volume: volume } = await api.json<'VolumeClone' | 'VolumeSnapshot'>(
          'POST',
          `/volumes/${from}/${verb}`,
          {
            body: { ...(to && { Name: to }), Labels: toMap(flags.label), Reflink: flags.reflink as 'auto' },
            signal,
          },
        );
        cli.print(`${volume.Name}\n`);
      });
    },
  });
