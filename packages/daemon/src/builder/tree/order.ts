import { Slices } from '../../patterns/slices.ts';

/** Keys sorted at once; a few milliseconds. */
const RUN = 4096;

/** The texts in the order of their code units, as `sort()` has them; a hundred thousand hold nobody up. */
export async function sortedInSlices(texts: Iterable<string>): Promise<string[]> {
  const slices = new Slices();
  const all = [...texts];
  let runs: string[][] = [];
  for (let at = 0; at < all.length; at += RUN) {
    runs.push(all.slice(at, at + RUN).sort());
    if (slices.due()) await slices.next();
  }
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let at = 0; at < runs.length; at += 2)
      merged.push(await merge(runs[at]!, runs[at + 1] ?? [], slices));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge(left: string[], right: string[], slices: Slices): Promise<string[]> {
  const out: string[] = [];
  let [l, r] = [0, 0];
  while (l < left.length || r < right.length) {
    const fromLeft = r === right.length || (l < left.length && left[l]! <= right[r]!);
    out.push(fromLeft ? left[l++]! : right[r++]!);
    if ((out.length & 1023) === 0 && slices.due()) await slices.next();
  }
  return out;
}
