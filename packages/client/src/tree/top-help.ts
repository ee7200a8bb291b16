import { CliError } from '../base/errors.ts';
import { program } from '../cli/cli.ts';
import { globalFlags } from '../cli/globals.ts';
import { commandRows, optionsHelp } from '../cli/help.ts';
import { type Group, isGroup, type Leaf, type Node } from '../cli/nodes.ts';
import { similar } from './suggest.ts';
import { commonCommands, tree } from './tree.ts';

/** The help of `berth` itself. */
export function topHelp(width: number): string {
  const rows = (keep: (name: string, node: Node) => boolean): string =>
    commandRows(
      Object.entries(tree)
        .filter(([name, node]) => !node.hidden && keep(name, node))
        .map(([name, node]) => [name, node.about] as const),
    );
  const common = new Set(commonCommands);
  return `
Usage:  ${program} [OPTIONS] COMMAND

Containers, images, networks and volumes on this machine or another

Common Commands:
${rows((name) => common.has(name))}

Management Commands:
${rows((_, node) => isGroup(node))}

Commands:
${rows((name, node) => !common.has(name) && !isGroup(node))}

Global Options:
${optionsHelp(globalFlags, width)}

Run '${program} COMMAND --help' for more information on a command.`;
}

/** The help of a group such as `berth container`. */
export function groupHelp(path: string, group: Group): string {
  const rows = Object.entries<Leaf>(group.commands)
    .filter(([, leaf]) => !leaf.hidden)
    .map(([name, leaf]) => [name, leaf.about] as const);
  return `
Usage:  ${path} COMMAND

${group.about}

Commands:
${commandRows(rows)}

Run '${path} COMMAND --help' for more information on a command.
`;
}

/** The error of a command that the group does not have. */
export function unknownSubcommand(path: string, group: Group, word: string): CliError {
  const close = similar(word, Object.keys(group.commands));
  const hint = close.length ? `\nDid you mean '${path} ${close[0]}'?` : '';
  return new CliError(`unknown command: ${path} ${word}${hint}\n${groupHelp(path, group)}`);
}
