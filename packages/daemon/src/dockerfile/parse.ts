import { invalidParameter } from '../base/errors.ts';

/** A here-document of an instruction (Dockerfile 1.4 syntax). */
export interface Heredoc {
  name: string;
  /** False where the delimiter was quoted: variables stay as written. */
  expand: boolean;
  content: string;
  /** `<<-`: leading tabs are dropped. */
  chomp: boolean;
}

/** One instruction as written. */
export interface Instruction {
  /** Upper case: RUN, COPY ... */
  name: string;
  /** Line numbers, from 1. */
  line: number;
  endLine: number;
  /** Its text with continuations joined, as progress and history show it. */
  original: string;
  flags: Array<{ name: string; value: string; bare: boolean }>;
  /** What follows name and flags, continuations joined. */
  rest: string;
  /** The strings of a JSON form, or null where the arguments are no JSON array of strings. */
  json: string[] | null;
  heredocs: Heredoc[];
}

/** A parsed Dockerfile. */
export interface Dockerfile {
  escape: '\\' | '`';
  /** Parser directives (`# syntax=...`), lower case names. */
  directives: Record<string, string>;
  instructions: Instruction[];
  /** What the author should know, e.g. of an empty continuation line. */
  warnings: string[];
}

const known = new Set([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]);
const withFlags = new Set(['ADD', 'COPY', 'FROM', 'HEALTHCHECK', 'RUN', 'ONBUILD']);
const withHeredocs = new Set(['ADD', 'COPY', 'RUN']);
const withJson = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

/** A mistake in a Dockerfile, with dockerd's text. */
export const parseError = (line: number, message: string) =>
  invalidParameter(`dockerfile parse error on line ${line}: ${message}`);

/**
 * Parses a Dockerfile (https://docs.docker.com/reference/dockerfile/): directives, comments, continuation lines, flags,
 * JSON forms and, with `heredocs`, here-documents (the classic builder of dockerd takes them too).
 * @throws invalid-parameter with dockerd's text and the line.
 */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const { directives, escape: escaper } = readDirectives(lines);
  const continuation = new RegExp(`${escaper === '\\' ? '\\\\' : '`'}[ \\t]*$`);
  const instructions: Instruction[] = [];
  const warnings: string[] = [];

  for (let index = 0; index < lines.length; index++) {
    const start = index;
    const first = lines[index]!.trimStart();
    if (first === '' || first.startsWith('#')) continue;
    let joined = '';
    let current = first;
    let gap = false;
    for (;;) {
      const more = continuation.test(current);
      joined += more ? current.replace(continuation, '') : current;
      if (!more) break;
      // Comments and empty lines between continued lines are dropped.
      for (index++; index < lines.length && /^[ \t]*(#|$)/.test(lines[index]!); index++)
        if (!lines[index]!.includes('#') && index < lines.length - 1) gap = true;
      if (index >= lines.length) break;
      current = lines[index]!;
    }
    const original = joined.trim();
    if (original === '') continue;
    if (gap) warnings.push(`Empty continuation line found in: ${original}`);
    const match = /^(\S+)(?:\s+([\s\S]*))?$/.exec(original)!;
    const name = match[1]!.toUpperCase();
    if (!known.has(name)) throw parseError(start + 1, `unknown instruction: ${match[1]}`);
    const { flags, rest } = withFlags.has(name)
      ? splitFlags(match[2] ?? '', start + 1, escaper)
      : { flags: [], rest: match[2] ?? '' };
    const heredocs: Heredoc[] = [];
    if (withHeredocs.has(name)) {
      for (const opener of heredocOpeners(rest)) {
        const body: string[] = [];
        for (;;) {
          index++;
          if (index >= lines.length) throw parseError(start + 1, 'unterminated heredoc');
          const line = lines[index]!;
          if ((opener.chomp ? line.replace(/^\t+/, '') : line) === opener.name) break;
          body.push(opener.chomp ? line.replace(/^\t+/, '') : line);
        }
        heredocs.push({
          ...opener,
          content: body.map((line) => `${line}\n`).join(''),
        });
      }
    }
    instructions.push({
      name,
      line: start + 1,
      endLine: Math.min(index, lines.length - 1) + 1,
      original: original.replace(/^\S+/, name),
      flags,
      rest: rest.trim(),
      json: withJson.has(name) ? jsonForm(rest) : null,
      heredocs,
    });
  }
  return { escape: escaper, directives, instructions, warnings };
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
    if (Object.hasOwn(directives, name))
      throw parseError(index + 1, `only one ${name} parser directive can be used`);
    directives[name] = match[2]!;
  }
  const escaper = directives['escape'] ?? '\\';
  if (escaper !== '\\' && escaper !== '`') {
    throw invalidParameter(`invalid escape token '${escaper}' does not match \` or \\`);
  }
  return { directives, escape: escaper };
}

/** Splits leading `--name=value` words off; quotes and escapes as in dockerd's flag scanner. */
function splitFlags(
  text: string,
  line: number,
  escaper: string,
): { flags: Instruction['flags']; rest: string } {
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
        else if (char === escaper && at + 1 < text.length) word += text[++at]!;
        else word += char;
      } else if (char === '"' || char === "'") quote = char;
      else if (char === escaper && at + 1 < text.length) word += text[++at]!;
      else if (/\s/.test(char)) break;
      else word += char;
    }
    if (word === '--') break;
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    if (name === '') throw parseError(line, `unknown flag: ${word}`);
    flags.push({
      name,
      value: equals < 0 ? '' : word.slice(equals + 1),
      bare: equals < 0,
    });
  }
  return { flags, rest: text.slice(at) };
}

/** The here-document openers in an instruction's text that stand outside quotes. */
function heredocOpeners(text: string): Array<Omit<Heredoc, 'content'>> {
  const found: Array<Omit<Heredoc, 'content'>> = [];
  const pattern = /(?:^|\s)\d*<<(-?)(["']?)([a-zA-Z_][a-zA-Z0-9_.]*)\2(?=$|\s|[;&|>)])/g;
  let counted = 0;
  const quotes = { '"': 0, "'": 0 };
  for (const match of text.matchAll(pattern)) {
    for (; counted < match.index; counted++) {
      const char = text[counted];
      if (char === '"' || char === "'") quotes[char]++;
    }
    if (quotes['"'] % 2 || quotes["'"] % 2) continue;
    found.push({
      name: match[3]!,
      chomp: match[1] === '-',
      expand: match[2] === '',
    });
  }
  return found;
}

/** The strings of `["a","b"]`, or null when it is something else (then it is a shell form). */
export function jsonForm(text: string): string[] | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith('[')) return null;
  try {
    const value: unknown = JSON.parse(trimmed);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : null;
  } catch {
    return null;
  }
}
