import { anyArgs, command } from '../../cli/command.ts';
import { complete } from '../../cli/complete/complete.ts';
import type { Tree } from '../../cli/nodes.ts';

/**
 * The command that completion scripts call: prints a candidate a line, its description after a tab, at last `:files`
 * or `:done`.
 */
export const completeCommand = (tree: Tree) =>
  command({
    use: '-- [WORD...]',
    about: 'Print what may stand at the end of a command line',
    args: anyArgs,
    interspersed: false,
    flags: {},
    async run({ cli, args }) {
      const { candidates, files } = await complete(tree, args);
      const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
      for (const { word, about } of candidates)
        if (word && !/\s/.test(word)) cli.print(about ? `${word}\t${oneLine(about)}\n` : `${word}\n`);
      cli.print(files ? ':files\n' : ':done\n');
    },
  });
