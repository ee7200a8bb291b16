import { invalidParameter } from '../base/errors.ts';
import { Slices } from './slices.ts';

/** Whether a text holds a match. */
export type Matcher = (text: string) => boolean;

/** A longer expression than any name or label is refused before it is compiled. */
const LONGEST = 4096;
/** More expressions than anybody asks for in one filter. */
const MOST = 1000;
/** Texts whose meaning as an expression is their own characters, with or without the two anchors. */
const PLAIN = /^(\^?)([\w/:@, =-]*)(\$?)$/;

/**
 * Compiles an expression of Go's regexp syntax (RE2, https://github.com/google/re2/wiki/Syntax), matched in linear time.
 * The engine is loaded for the first expression that is more than plain text between anchors.
 * @throws invalid-parameter with Go's text (`error parsing regexp: ...`).
 */
export async function compileExpression(text: string): Promise<Matcher> {
  const plain = PLAIN.exec(text);
  if (plain) return plainMatcher(plain[2]!, plain[1] !== '', plain[3] !== '');
  if (text.length > LONGEST) throw invalidParameter('error parsing regexp: expression too large');
  const { RE2JS } = await import('re2js');
  try {
    const compiled = RE2JS.compile(text);
    return (candidate) => compiled.test(candidate);
  } catch (error) {
    throw invalidParameter((error as Error).message, error);
  }
}

function plainMatcher(text: string, atStart: boolean, atEnd: boolean): Matcher {
  if (atStart && atEnd) return (candidate) => candidate === text;
  if (atStart) return (candidate) => candidate.startsWith(text);
  if (atEnd) return (candidate) => candidate.endsWith(text);
  return (candidate) => candidate.includes(text);
}

/**
 * The values of a list's filter, as moby's filters.Args.Match has them: one matches when it is the text, or is an
 * expression that matches in it; one that is no expression matches only itself.
 * @throws invalid-parameter for too many values.
 */
export async function filterMatcher(values: readonly string[]): Promise<Matcher> {
  const exact = new Set(values);
  const matchers: Matcher[] = [];
  const slices = new Slices();
  if (exact.size > MOST) throw invalidParameter(`a filter may have ${MOST} values`);
  for (const value of exact) {
    if (slices.due()) await slices.next();
    try {
      matchers.push(await compileExpression(value));
    } catch {
      // Only the text itself counts.
    }
  }
  return (text) => exact.has(text) || matchers.some((matches) => matches(text));
}
