/**
 * Numbers of a kernel list such as `0-3,7`. An empty text is an empty list.
 * @throws Error with the words of dockerd's parser; beyond `maximum` the list is refused.
 */
export function parseNumberList(text: string, maximum = 8192): number[] {
  const numbers = new Set<number>();
  if (text === '') return [];
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) throw new Error(`invalid format: ${text}`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first) throw new Error(`invalid format: ${text}`);
    if (last > maximum) throw new Error(`value of out range, maximum is ${maximum}`);
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return [...numbers];
}
