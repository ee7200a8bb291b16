/** ` (did you mean x?)` for a name that is nearly one of the known ones; else ''. At most two letters off, as BuildKit. */
export function suggestion(value: string, known: readonly string[], caseSensitive: boolean): string {
  const fold = (text: string) => (caseSensitive ? text : text.toLowerCase());
  const given = fold(value);
  let best: string | undefined;
  let least = 3;
  for (const name of [...known].sort()) {
    if (fold(name) === given) return '';
    const steps = distance(fold(name), given, least);
    if (steps < least) [best, least] = [name, steps];
  }
  if (best === undefined) return '';
  const meant = caseSensitive
    ? best
    : value === value.toUpperCase()
      ? best.toUpperCase()
      : best.toLowerCase();
  return ` (did you mean ${meant}?)`;
}

/** Levenshtein's distance of two names; `limit` where it is not below that. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
