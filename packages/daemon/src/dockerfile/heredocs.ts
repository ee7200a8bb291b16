import { invalidParameter } from '../base/errors.ts';
import { withoutReturns } from './lines.ts';
import { locate } from './location.ts';
import type { Heredoc, Instruction } from './types.ts';
import { expandRaw, expandWord, splitWords } from './words.ts';

/** The instructions that may open here-documents. */
const OPENERS = new Set(['ADD', 'COPY', 'RUN']);

/** The bytes of a here-document as it is used: `<<-` drops leading tabs. */
export const heredocText = ({ content, chomp }: Heredoc) => (chomp ? content.replace(/^\t+/gm, '') : content);

/** Reads the here-documents that an instruction opens from the lines after `index`; returns the last line's index. */
export function readHeredocs(instruction: Instruction, text: string, lines: string[], index: number): number {
  const owner = instruction.trigger ?? instruction;
  if (!OPENERS.has(owner.name) || owner.json) return index;
  let at = index;
  for (const opener of heredocOpeners(text)) {
    const content: string[] = [];
    for (;;) {
      at++;
      if (at >= lines.length)
        throw locate(invalidParameter('unterminated heredoc'), {
          line: instruction.line,
          endLine: lines.length,
        });
      const line = withoutReturns(lines[at]!);
      if ((opener.chomp ? line.replace(/^\t+/, '') : line) === opener.name) break;
      content.push(`${lines[at]}\n`);
    }
    instruction.heredocs.push({ ...opener, content: content.join('') });
  }
  return at;
}

/** The here-document that a word opens, if it is `<<NAME`, `<<-NAME` or `<<"NAME"`. */
export function heredocOpener(word: string): Omit<Heredoc, 'content'> | undefined {
  const [, , dash, quoted = ''] = /^(\d*)<<(-?)([^<]*)$/.exec(word) ?? [];
  if (quoted === '') return undefined;
  // The shell's rules of quoting, with nothing to expand; a variable stays as it is written.
  const name = expandWord(quoted.replaceAll('$', '\\$'), () => undefined);
  if (name === '' || /\s/.test(name)) return undefined;
  return { name, chomp: dash === '-', expand: !/["']/.test(quoted) };
}

/** The here-documents that an instruction's text opens. */
function heredocOpeners(text: string): Array<Omit<Heredoc, 'content'>> {
  if (!text.includes('<<')) return [];
  try {
    // An unclosed quote makes words of none of it.
    expandRaw(text, () => undefined);
  } catch {
    return [];
  }
  return splitWords(text).flatMap((word) => heredocOpener(word) ?? []);
}
