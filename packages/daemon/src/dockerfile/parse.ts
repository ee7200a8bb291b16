import { invalidParameter } from '../base/errors.ts';
import { locate } from './location.ts';
import { expandRaw, expandWord, splitWords } from './words.ts';

/** A here-document of an instruction (Dockerfile 1.4 syntax). */
export interface Heredoc {
  name: string;
  /** False where the delimiter was quoted: variables stay as written. */
  expand: boolean;
  /** Its lines as they stand. */
  content: string;
  /** `<<-`: leading tabs are dropped. */
  chomp: boolean;
}

/** One instruction as written. */
export interface Instruction {
  /** Upper case: RUN, COPY ... */
  name: string;
  /** The name as written. */
  written: string;
  /** Line numbers, from 1. */
  line: number;
  endLine: number;
  /** Its text with continuations joined, as progress and history show it. */
  original: string;
  flags: Array<{ name: string; value: string; bare: boolean }>;
  /** The text after name and flags, continuations joined. */
  rest: string;
  /** The strings of a JSON form, or null where the arguments are no JSON array of strings. */
  json: string[] | null;
  /** Its arguments, split as its kind has them, variables and quotes as written; none of ENV and LABEL. */
  args: string[];
  /** Names and values of ENV and LABEL, as written. */
  pairs: Array<[name: string, value: string]>;
  heredocs: Heredoc[];
  /** The comments right before it, without their `#`. */
  comments: string[];
  /** The instruction of an ONBUILD; null for others and for none. */
  trigger: Instruction | null;
}

/** A parsed Dockerfile. */
export interface Dockerfile {
  escape: '\\' | '`';
  /** Parser directives (`# syntax=...`), lower case names. */
  directives: Record<string, string>;
  instructions: Instruction[];
  /** Warnings for the author, e.g. of an empty continuation line. */
  warnings: string[];
  /** The last lines of instructions that have an empty line among their continuations. */
  emptyContinuations: number[];
}

const withHeredocs = new Set(['ADD', 'COPY', 'RUN']);

/** The bytes of a here-document as it is used: `<<-` drops leading tabs. */
export const heredocText = ({ content, chomp }: Heredoc) => (chomp ? content.replace(/^\t+/gm, '') : content);

/**
 * Parses a Dockerfile (https://docs.docker.com/reference/dockerfile/): directives, comments, continuation lines, flags,
 * JSON forms and here-documents (the classic builder of dockerd takes them too). Whether the instructions are right in
 * themselves is looked at later (`checkInstruction`).
 * @throws invalid-parameter with dockerd's text, located.
 */
export function parseDockerfile(text: string): Dockerfile {
  const raw = text.replace(/^\ufeff/, '').split('\n');
  if (raw.at(-1) === '') raw.pop();
  const lines = raw.map((line) => line.replace(/\r+$/, ''));
  const { directives, escape: escaper } = readDirectives(lines);
  const directiveLines = Object.keys(directives).length + (lines[0]?.startsWith('#!') ? 1 : 0);
  const token = escaper === '\\' ? '\\\\' : '`';
  const continuation = new RegExp(`(^|[^${token}])${token}[ \\t]*$`);
  const instructions: Instruction[] = [];
  const warnings: string[] = [];
  const emptyContinuations: number[] = [];
  let comments: string[] = [];

  for (let index = 0; index < lines.length; index++) {
    const start = index;
    let current = lines[index]!.trimStart();
    if (current.startsWith('#')) {
      const comment = current.slice(1).trim();
      // A directive describes nothing, and an empty comment parts what stands before it from what follows.
      const parts = comment === '' || index < directiveLines;
      comments = parts ? [] : [...comments, comment];
      continue;
    }
    let joined = '';
    let gap = false;
    let more = continuation.test(current);
    joined = more ? current.replace(continuation, '$1') : current;
    if (!more && joined === '') {
      comments = [];
      continue;
    }
    while (more && index + 1 < lines.length) {
      current = lines[++index]!;
      if (current.trimStart().startsWith('#')) continue;
      if (current.trim() === '') {
        gap = true;
        continue;
      }
      more = continuation.test(current);
      joined += more ? current.replace(continuation, '$1') : current;
    }
    if (gap) {
      warnings.push(`Empty continuation line found in: ${joined}`);
      emptyContinuations.push(index + 1);
    }
    try {
      const instruction = readInstruction(joined, escaper, start + 1);
      index = readHeredocs(instruction, joined, raw, index);
      instruction.endLine = index + 1;
      instruction.comments = comments;
      comments = [];
      instructions.push(instruction);
    } catch (error) {
      throw locate(error, { line: start + 1, endLine: index + 1 });
    }
  }
  if (instructions.length === 0)
    throw locate(invalidParameter('file with no instructions'), {
      line: Math.max(1, lines.length),
      endLine: Math.max(1, lines.length),
    });
  return { escape: escaper, directives, instructions, warnings, emptyContinuations };
}

/** One instruction's line, its continuations joined; `trigger`: it stands behind ONBUILD. */
function readInstruction(text: string, escaper: string, line: number, trigger = false): Instruction {
  const [, written = '', after = ''] = /^(\S*)(?:\s+([\s\S]*))?$/.exec(text.trim())!;
  const name = written.toUpperCase();
  const { flags, rest: unflagged } = splitFlags(after);
  const rest = unflagged.trim();
  const instruction: Instruction = {
    name,
    written,
    line,
    endLine: line,
    original: text.trim().replace(/^\S+/, name),
    flags,
    rest,
    json: null,
    args: [],
    pairs: [],
    heredocs: [],
    comments: [],
    trigger: null,
  };
  switch (name) {
    case 'ENV':
    case 'LABEL':
      instruction.pairs = readPairs(name, rest, escaper);
      break;
    case 'ARG':
      instruction.args = splitWords(rest, escaper);
      break;
    case 'EXPOSE':
    case 'FROM':
      instruction.args = splitBlanks(rest);
      break;
    case 'ADD':
    case 'COPY':
    case 'VOLUME':
      instruction.json = jsonForm(rest);
      instruction.args = instruction.json ?? splitBlanks(rest);
      break;
    case 'CMD':
    case 'ENTRYPOINT':
    case 'RUN':
    case 'SHELL':
      instruction.json = jsonForm(rest);
      instruction.args = instruction.json ?? (rest === '' ? [] : [rest]);
      break;
    case 'HEALTHCHECK': {
      const [, type, command = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
      if (type === undefined) break;
      instruction.json = jsonForm(command);
      instruction.args = [type, ...(instruction.json ?? (command === '' ? [] : [command]))];
      break;
    }
    case 'ONBUILD':
      // ONBUILD behind ONBUILD is refused later (`checkInstruction`): what else stands behind it does not matter.
      if (rest === '' || trigger) break;
      instruction.trigger = readInstruction(rest, escaper, line, true);
      instruction.args = [instruction.trigger.written, ...instruction.trigger.args];
      break;
    default:
      instruction.args = rest === '' ? [] : [rest];
  }
  return instruction;
}

/** `a=b c="d e"` or the old `a b c`. @throws invalid-parameter with dockerd's text for another form. */
function readPairs(name: string, rest: string, escaper: string): Instruction['pairs'] {
  const words = splitWords(rest, escaper);
  if (words.length === 0) return [];
  if (!words[0]!.includes('=')) {
    const match = /^([^\t\v\f\r ]*)[\t\v\f\r ]+([\s\S]*)$/.exec(rest);
    if (!match) throw invalidParameter(`${name} must have two arguments`);
    return [[match[1]!, match[2]!]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw invalidParameter(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

const splitBlanks = (text: string) => (text === '' ? [] : text.split(/[\t\v\f\r ]+/));

/** Reads the here-documents that an instruction opens from the lines after `index`; returns the last line's index. */
function readHeredocs(instruction: Instruction, text: string, lines: string[], index: number): number {
  const owner = instruction.trigger ?? instruction;
  if (!withHeredocs.has(owner.name) || owner.json) return index;
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
      const line = lines[at]!.replace(/\r+$/, '');
      if ((opener.chomp ? line.replace(/^\t+/, '') : line) === opener.name) break;
      content.push(`${lines[at]}\n`);
    }
    instruction.heredocs.push({ ...opener, content: content.join('') });
  }
  return at;
}

function readDirectives(lines: string[]): {
  directives: Record<string, string>;
  escape: '\\' | '`';
} {
  const directives: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    if (index === 0 && line.startsWith('#!')) continue;
    const match = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/.exec(line.trimEnd());
    if (!match) break;
    const name = match[1]!.toLowerCase();
    if (!['syntax', 'escape', 'check'].includes(name)) break;
    // dockerd names the line before: of the first one none is shown.
    const at = index === 0 ? null : { line: index, endLine: index };
    if (Object.hasOwn(directives, name))
      throw locate(invalidParameter(`only one ${name} parser directive can be used`), at);
    directives[name] = match[2]!;
    if (name === 'escape' && match[2] !== '\\' && match[2] !== '`')
      throw locate(invalidParameter(`invalid escape token '${match[2]}' does not match \` or \\`), at);
  }
  return { directives, escape: directives['escape'] === '`' ? '`' : '\\' };
}

/** Splits leading `--name=value` words off; quotes and escapes (always `\`) as in dockerd's flag scanner. */
function splitFlags(text: string): { flags: Instruction['flags']; rest: string } {
  const flags: Instruction['flags'] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at++;
    if (!text.startsWith('--', at)) break;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const char = text[at]!;
      if (quote) {
        if (char === quote) quote = '';
        else if (char === '\\') word += text[++at] ?? '';
        else word += char;
      } else if (char === '"' || char === "'") quote = char;
      else if (char === '\\') word += text[++at] ?? '';
      else if (/\s/.test(char)) break;
      else word += char;
    }
    if (word === '--') break;
    const equals = word.indexOf('=');
    flags.push({
      name: equals < 0 ? word.slice(2) : word.slice(2, equals),
      value: equals < 0 ? '' : word.slice(equals + 1),
      bare: equals < 0,
    });
  }
  return { flags, rest: text.slice(at) };
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
  try {
    // An unclosed quote makes words of none of it.
    expandRaw(text, () => undefined);
  } catch {
    return [];
  }
  return splitWords(text).flatMap((word) => heredocOpener(word) ?? []);
}

/**
 * The strings of `["a","b"]`, or null when it is something else (then it is a shell form). What follows the array is not
 * looked at, as dockerd does.
 * @throws invalid-parameter for an array of other things than strings.
 */
export function jsonForm(text: string): string[] | null {
  const array = /^\s*(\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])/s.exec(text)?.[1];
  if (array === undefined) return null;
  let value: unknown;
  try {
    value = JSON.parse(array);
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  if (!value.every((item) => typeof item === 'string'))
    throw invalidParameter('when using JSON array syntax, arrays must be comprised of strings only');
  return value;
}
