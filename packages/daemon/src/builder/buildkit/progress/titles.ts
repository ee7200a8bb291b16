import { heredocOpener } from '../../../dockerfile/heredocs.ts';
import type { Instruction } from '../../../dockerfile/types.ts';
import { expandRaw, expandWord, type Lookup } from '../../../dockerfile/words.ts';

/** An instruction as a step's title shows it: variables filled in, a here-document that is the command by its first line. */
export function instructionTitle(instruction: Instruction, lookup: Lookup, escaper: string): string {
  const flags = instruction.flags
    .map((flag) => (flag.bare ? `--${flag.name} ` : `--${flag.name}=${flag.value} `))
    .join('');
  const text = `${instruction.name} ${flags}${instruction.rest}`;
  let shown = text;
  try {
    // A RUN is for the shell, quotes and all; of the others the words are shown as they are meant.
    shown = (instruction.name === 'RUN' ? expandRaw : expandWord)(text, lookup, escaper);
  } catch {
    // Shown as it stands; what is wrong with it is told when it is its turn.
  }
  const [heredoc] = instruction.heredocs;
  if (instruction.name !== 'RUN' || !heredoc || !heredocOpener(instruction.rest)) return shown;
  const lines = heredoc.content.trim().split(/\r?\n/);
  return `${shown} (${lines[0]}${lines.length > 1 ? '...' : ''})`;
}

/** Numbers the steps of a stage as BuildKit does: `[name 2/10] `. */
export class StepNumbers {
  private readonly label: string;
  private readonly total: number;
  private at = 0;

  constructor(label: string, total: number) {
    this.label = label;
    this.total = total;
  }

  next(text: string): string {
    this.at++;
    const width = 1 + Math.floor(Math.log10(Math.max(1, this.total)));
    return `[${this.label === '' ? '' : `${this.label} `}${String(this.at).padStart(width)}/${this.total}] ${text}`;
  }
}
