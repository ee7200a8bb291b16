import { invalidParameter } from '../base/errors.ts';
import type { Instruction } from './types.ts';
import { splitWords } from './words.ts';

/** One instruction's line, its continuations joined; `trigger`: it stands behind ONBUILD. */
export function readInstruction(text: string, escaper: string, line: number, trigger = false): Instruction {
  const [, written = '', after = ''] = /^(\S*)(?:\s+([\s\S]*))?$/.exec(text.trim())!;
  const name = written.toUpperCase();
  const { flags, rest: unflagged } = splitFlags(after);
  const rest = unflagged.trim();
  const instruction: Instruction = {
    name,
    written,
    line,
    endLine: line,
    original: text.trim(),
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

/**
 * The strings of `["a","b"]`, or null when it is something else (then it is a shell form). What follows the array is not
 * looked at, as dockerd does.
 * @throws invalid-parameter for an array of other things than strings.
 */
function jsonForm(text: string): string[] | null {
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
