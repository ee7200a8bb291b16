/** The lines of a Dockerfile that something is about, from 1. */
export interface Location {
  line: number;
  endLine: number;
}

const places = new WeakMap<Error, Location | null>();

/** Notes where in the Dockerfile an error comes from; the first note stays. `null`: nowhere in it. Returns the error. */
export function locate(error: unknown, at: Location | null): unknown {
  if (error instanceof Error && !places.has(error)) places.set(error, at);
  return error;
}

/** The lines of the Dockerfile that an error comes from: as noted, or the line that a parser's message names. */
export function locationOf(error: unknown): Location | null {
  if (!(error instanceof Error)) return null;
  const noted = places.get(error);
  if (noted !== undefined) return noted;
  const line = Number(/^dockerfile parse error on line (\d+)/.exec(error.message)?.[1]);
  return line > 0 ? { line, endLine: line } : null;
}
