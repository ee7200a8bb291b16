/** A line without the carriage returns at its end; a pattern would look at a long run of them once for each of them. */
export function withoutReturns(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end--;
  return line.slice(0, end);
}
