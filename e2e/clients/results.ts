import { flatten, normaliseOutput } from '../lab/normalise.ts';

/** One thing that a scenario had its client do, and what came of it. */
export interface Step {
  name: string;
  value: unknown;
}

/** The steps that a scenario wrote, `["NAME", RESULT]` on each line, with what is the run's own in their texts replaced. */
export function readSteps(text: string, own: Array<[text: string, kind: string]>): Step[] {
  const replaced = own.reduce((done, [value, kind]) => done.replaceAll(value, kind), text);
  return replaced
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name, value] = JSON.parse(line);
      return { name, value };
    });
}

/** A result as lines, without ids, times and addresses; a text of several lines has one for each. */
export const linesOf = (value: unknown): string[] => flatten(divided(value));

function divided(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\n') ? normaliseOutput(value, '\0') : value;
  if (Array.isArray(value)) return value.map(divided);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, divided(member)]));
  return value;
}
