/** A path of a tar, counted from its root: without `./` and slashes in front, and without slashes behind. Linear in its length. */
export function tarPath(name: string): string {
  let from = 0;
  let to = name.length;
  while (name[from] === '/' || (name[from] === '.' && name[from + 1] === '/')) from += 1;
  while (to > from && name[to - 1] === '/') to -= 1;
  return name.slice(from, to);
}
