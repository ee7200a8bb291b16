const EXPONENTS: Record<string, number> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Bytes of a size as go-units' RAMInBytes reads it (`20m`, `1.5GiB`, `100`); undefined when it is none, or more than any file has. */
export function parseSize(text: string): number | undefined {
  return sizeOf(text, 1024);
}

function sizeOf(text: string, base: number): number | undefined {
  const match = /^(\d+(?:\.\d+)*) ?([kKmMgGtTpP])?[iI]?[bB]?$/.exec(text);
  if (!match) return undefined;
  const number = Number(match[1]);
  const bytes = Math.floor(number * base ** (EXPONENTS[(match[2] ?? '').toLowerCase()] ?? 0));
  // Go holds a size in an int64.
  return bytes < 2 ** 63 ? bytes : undefined;
}

/** The same by go-units' FromHumanSize, to which a k is 1000. */
export function parseDecimalSize(text: string): number | undefined {
  return sizeOf(text, 1000);
}

/** Go's strconv.ParseBool. */
export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  return undefined;
}

/** Go's strconv.Atoi. */
export function parseInteger(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
