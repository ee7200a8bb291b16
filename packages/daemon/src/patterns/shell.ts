import { compileGlob, type Glob } from './glob.ts';

/** The patterns of a shell's parameter expansion: `*` and `?` match anything but a newline, as in BuildKit's. */
const SHELL = { classes: false, separator: '\n' } as const;

/** `${value#pattern}`, `${value##pattern}` for `longest`. @throws invalid-parameter for a pattern that is none */
export function stripPrefix(value: string, pattern: string, longest: boolean): string {
  const end = matchEnd(compileGlob(pattern, SHELL), value, 0, longest);
  return end === -1 ? value : value.slice(end);
}

/** `${value%pattern}`, `${value%%pattern}` for `longest`. @throws invalid-parameter for a pattern that is none */
export function stripSuffix(value: string, pattern: string, longest: boolean): string {
  const end = matchEnd(compileGlob(mirrored(pattern), SHELL), reversed(value), 0, longest);
  return end === -1 ? value : value.slice(0, value.length - end);
}

/** `${value/pattern/by}`, for `all` `${value//pattern/by}`. @throws invalid-parameter for a pattern that is none */
export function replacePattern(value: string, pattern: string, by: string, all: boolean): string {
  const glob = compileGlob(pattern, SHELL);
  // One pass from the end, by the mirrored pattern, tells where matches begin: no start is tried in vain.
  const starts = new Set<number>();
  compileGlob(mirrored(pattern), SHELL).run(reversed(value), 0, true, (end, accepted) => {
    if (accepted) starts.add(value.length - end);
    return true;
  });
  const out: string[] = [];
  let copied = 0;
  let lastEnd = -1;
  for (const start of [...starts].reverse()) {
    if (start < copied) continue;
    const end = matchEnd(glob, value, start, true);
    // Go replaces no empty match right behind another match.
    if (end === -1 || (end === start && start === lastEnd)) continue;
    out.push(value.slice(copied, start), by);
    copied = end;
    lastEnd = end;
    if (!all) break;
  }
  return out.join('') + value.slice(copied);
}

/** The end of the shortest or longest match that begins at `from`; -1 without one. */
function matchEnd(glob: Glob, text: string, from: number, longest: boolean): number {
  let found = -1;
  glob.run(text, from, false, (end, accepted) => {
    if (accepted) found = end;
    return longest || found === -1;
  });
  return found;
}

const reversed = (text: string): string => Array.from(text).reverse().join('');

/** The pattern that matches the reversed texts: each escape keeps its character behind it. */
function mirrored(pattern: string): string {
  return (pattern.match(/\\.|[^\\]|\\$/gsu) ?? []).reverse().join('');
}
