import type { FlagTable } from '../../base/flags.ts';

/** The words before the cursor, looked over. */
export interface Walked {
  /** The words that are no flags nor their values. */
  rest: readonly string[];
  /** The flag whose value comes next. */
  pending?: string;
  /** Only arguments can follow. */
  closed: boolean;
}

/** Looks over the words before the cursor. Without `interspersed` everything after the first argument is one. */
export function walk(table: FlagTable, words: readonly string[], interspersed: boolean): Walked {
  const rest: string[] = [];
  const byShort = (letter: string) => Object.keys(table).find((name) => table[name]!.short === letter);
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') return { rest: [...rest, ...words.slice(at + 1)], closed: true };
    if (!word.startsWith('-') || word === '-') {
      if (!interspersed) return { rest: words.slice(at), closed: true };
      rest.push(word);
      continue;
    }
    if (word.includes('=')) continue;
    let name: string | undefined = word.slice(2);
    if (!word.startsWith('--')) {
      const letters = [...word.slice(1)];
      const taker = letters.findIndex((letter) => table[byShort(letter) ?? '']?.bare === undefined);
      // The letters after this one are its value already.
      if (taker < 0 || taker < letters.length - 1) continue;
      name = byShort(letters[taker]!) ?? '';
    }
    const flag = name === undefined ? undefined : table[name];
    if (!flag || flag.bare !== undefined) continue;
    if (++at >= words.length) return { rest, pending: name, closed: false };
  }
  return { rest, closed: false };
}
