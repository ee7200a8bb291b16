import { CliError } from '../base/errors.ts';
import { program } from '../cli/cli.ts';
import { tree } from './tree.ts';

/** Edits (insert, delete, replace, swap of neighbours) between two words. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = best;
    }
  return rows[a.length]![b.length]!;
}

/** The names that are close to a mistyped one, closest first. */
export function similar(word: string, names: readonly string[]): string[] {
  const limit = word.length < 4 ? 1 : 2;
  return names
    .map((name) => ({ name, distance: name.startsWith(word) ? 0 : editDistance(word, name) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** The error of a command that does not exist, with what may have been meant. */
export function unknownCommand(word: string): CliError {
  const close = similar(
    word,
    Object.keys(tree).filter((name) => !tree[name]!.hidden),
  );
  const hint = close.length
    ? `\n\nDid you mean ${close.length > 1 ? 'one of these' : 'this'}?\n\t${close.join('\n\t')}`
    : '';
  return new CliError(`${program}: '${word}' is not a ${program} command.\nSee '${program} --help'${hint}`);
}
