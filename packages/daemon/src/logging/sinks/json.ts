/** JSON as Go's encoder writes it: what HTML treats specially is escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** An object with its members in the order of their names, as Go writes a map. */
export function sorted<T>(map: Record<string, T>): Record<string, T> {
  const names = Object.keys(map).sort((a, b) => (a < b ? -1 : 1));
  return Object.fromEntries(names.map((name) => [name, map[name]!]));
}
