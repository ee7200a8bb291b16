import { invalidParameter } from '../base/errors.ts';

/** Words within words (`${a:-${b:-...}}`) go no deeper than this. */
const DEEPEST = 32;

/** What a variable stands for while a word is expanded. */
export type Variables = (name: string) => string | undefined;

/** Cuts a line at blanks that are neither quoted nor escaped; quotes and escapes stay. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word = '';
  let started = false;
  let quote = '';
  for (let index = 0; index < line.length; index += 1) {
    const char = line[index]!;
    if (quote === '' && /\s/.test(char)) {
      if (started) words.push(word);
      word = '';
      started = false;
      continue;
    }
    started = true;
    word += char;
    if (char === '\\' && quote !== "'" && index + 1 < line.length) {
      index += 1;
      word += line[index];
    } else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
  }
  if (started) words.push(word);
  return words;
}

/**
 * Removes quotes and escapes and puts variables in, as the shell-like words of a Dockerfile are read.
 * @throws invalid-parameter for a brace that is not closed or a modifier that is not known.
 */
export function expandWord(word: string, variables: Variables, depth = 0): string {
  if (depth > DEEPEST) throw invalidParameter('variables are nested too deeply');
  let result = '';
  let quote = '';
  for (let index = 0; index < word.length; index += 1) {
    const char = word[index]!;
    if (quote === "'") {
      if (char === "'") quote = '';
      else result += char;
    } else if (char === '\\') {
      index += 1;
      const next = word[index];
      if (next === undefined) result += '\\';
      else result += quote === '"' && !'"$\\'.includes(next) ? `\\${next}` : next;
    } else if (char === '"') quote = quote === '"' ? '' : '"';
    else if (char === "'" && quote === '') quote = "'";
    else if (char === '$') {
      const { value, end } = variable(word, index + 1, variables, depth);
      result += value;
      index = end;
    } else result += char;
  }
  return result;
}

const NAME = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#])/;
const LONGEST_NAME = 4096;

/** Reads what follows a dollar sign; `end` is the index of its last character. */
function variable(
  word: string,
  start: number,
  variables: Variables,
  depth: number,
): { value: string; end: number } {
  if (word[start] !== '{') {
    const name = NAME.exec(word.slice(start, start + LONGEST_NAME))?.[0];
    if (name === undefined) return { value: '$', end: start - 1 };
    return { value: variables(name) ?? '', end: start + name.length - 1 };
  }
  const close = closingBrace(word, start);
  if (close === -1) throw invalidParameter('syntax error: missing "}"');
  const inner = word.slice(start + 1, close);
  const match = /^([A-Za-z_][A-Za-z0-9_]*|[0-9@*#])(?:(:?[-+?])(.*))?$/s.exec(inner);
  if (!match) throw invalidParameter('unsupported modifier in substitution');
  const [, name, operator, operand = ''] = match as unknown as [string, string, string?, string?];
  const known = variables(name);
  const set = operator?.startsWith(':') ? known !== undefined && known !== '' : known !== undefined;
  const alternative = () => expandWord(operand, variables, depth + 1);
  if (operator?.endsWith('-')) return { value: set ? known! : alternative(), end: close };
  if (operator?.endsWith('+')) return { value: set ? alternative() : '', end: close };
  if (operator?.endsWith('?') && !set)
    throw invalidParameter(`${name}: ${alternative() || 'is not allowed to be unset'}`);
  return { value: known ?? '', end: close };
}

function closingBrace(word: string, open: number): number {
  let depth = 0;
  for (let index = open; index < word.length; index += 1) {
    if (word[index] === '\\') index += 1;
    else if (word[index] === '{') depth += 1;
    else if (word[index] === '}') {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return -1;
}
