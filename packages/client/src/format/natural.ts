/**
 * Orders names as people count: `net2` before `net10`. Runs of digits compare by their value, all else by code point;
 * of equal values the one with fewer leading zeros is first.
 */
export function naturalCompare(a: string, b: string): number {
  const parts = (text: string): string[] => text.match(/\d+|\D/gu) ?? [];
  const [x, y] = [parts(a), parts(b)];
  for (let at = 0; at < Math.min(x.length, y.length); at++) {
    const [one, other] = [x[at]!, y[at]!];
    if (one === other) continue;
    if (/^\d/.test(one) && /^\d/.test(other)) {
      const [p, q] = [one.replace(/^0+/, ''), other.replace(/^0+/, '')];
      if (p.length !== q.length) return p.length - q.length;
      if (p !== q) return p < q ? -1 : 1;
      return one.length - other.length;
    }
    return one < other ? -1 : 1;
  }
  return x.length - y.length;
}
