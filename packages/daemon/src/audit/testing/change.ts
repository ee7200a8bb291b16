/** Makes a subject that no rule finds fault with into one that a rule does. */
export type Change = (subject: Record<string, never>) => void;

/** Sets a member of a nested object: `a.b.c`. */
export const set = (path: string, value: unknown): Change => {
  const names = path.split('.');
  const last = names.pop()!;
  return (subject) => {
    let at: Record<string, unknown> = subject;
    for (const name of names) at = at[name] as Record<string, unknown>;
    at[last] = value;
  };
};
