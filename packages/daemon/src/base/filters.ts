import { invalidParameter } from './errors.ts';
import { parseJson } from './go-json.ts';

/**
 * The `filters` query parameter: a JSON object of name to list of values, or, as old clients write it, of name to an
 * object whose keys are the values.
 * @throws invalid-parameter `invalid filter`
 */
export function parseFilters(text: string | undefined): Record<string, string[]> {
  if (!text) return {};
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch {
    throw invalidParameter('invalid filter');
  }
  if (parsed === null) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed)) throw invalidParameter('invalid filter');
  // A filter may have any name, `__proto__` too.
  const filters: Record<string, string[]> = Object.create(null);
  for (const [name, values] of Object.entries(parsed)) {
    if (Array.isArray(values)) {
      if (!values.every((value) => typeof value === 'string')) throw invalidParameter('invalid filter');
      filters[name] = values;
    } else if (values && typeof values === 'object') {
      filters[name] = Object.entries(values)
        .filter(([, set]) => set)
        .map(([value]) => value);
    } else if (values !== null) throw invalidParameter('invalid filter');
  }
  return filters;
}

/** @throws invalid-parameter for a filter that is not in `known`: `invalid filter 'x'`, as dockerd without a name where it is empty. */
export function checkFilters(filters: Record<string, string[]>, known: readonly string[]): void {
  for (const name of Object.keys(filters))
    if (!known.includes(name))
      throw invalidParameter(name === '' ? 'invalid filter' : `invalid filter '${name}'`);
}
