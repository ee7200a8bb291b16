/**
 * Two lists of lines beside each other: lines that only one of them has, `-` of the first, `+` of the second; and before
 * them the line of the first that says which command wrote them, `$ COMMAND`, where there are such.
 */
export function differences(first: string[], second: string[]): string[] {
  let start = 0;
  while (start < first.length && start < second.length && first[start] === second[start]) start++;
  let tail = 0;
  while (
    tail < first.length - start &&
    tail < second.length - start &&
    first[first.length - 1 - tail] === second[second.length - 1 - tail]
  )
    tail++;
  const a = first.slice(start, first.length - tail);
  const b = second.slice(start, second.length - tail);
  // Lengths of longest common parts of what begins at (i, j).
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i]![j] =
        a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const lines: string[] = [];
  let command = first.slice(0, start).findLast((line) => line.startsWith('$ '));
  const add = (line: string) => {
    if (command && !line.startsWith('- $ ')) lines.push(command);
    command = undefined;
    lines.push(line);
  };
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      if (a[i]!.startsWith('$ ')) command = a[i];
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!))
      add(`- ${a[i++]}`);
    else add(`+ ${b[j++]}`);
  }
  return lines;
}
