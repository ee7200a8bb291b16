/** The `filters` of a request: each value of each name; nothing when there are none. */
export function filtersQuery(filters: Readonly<Record<string, readonly string[]>>): string | undefined {
  const names = Object.keys(filters);
  if (!names.length) return undefined;
  return JSON.stringify(
    Object.fromEntries(
      names.map((name) => [name, Object.fromEntries(filters[name]!.map((value) => [value, true]))]),
    ),
  );
}
