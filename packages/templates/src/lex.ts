/** An error of a template's text, worded as Go's text/template does. */
export class TemplateError extends Error {}

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'field'
  | 'variable'
  | 'identifier'
  | 'dot'
  | 'string'
  | 'number'
  | 'char'
  | 'pipe'
  | 'declare'
  | 'assign'
  | 'comma'
  | 'left'
  | 'right'
  | 'space'
  | 'end';

export interface Token {
  kind: TokenKind;
  text: string;
  /** Offset in the template. */
  at: number;
  line: number;
}

const word = /[\p{L}\p{Nd}_]/u;

/** Splits a template into tokens. Throws TemplateError. */
export function lex(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const lineAt = (offset: number): number => source.slice(0, offset).split('\n').length;
  const push = (kind: TokenKind, start: number, end: number, text = source.slice(start, end)): void => {
    tokens.push({ kind, text, at: start, line: lineAt(start) });
  };
  const fail = (message: string, offset = at): never => {
    throw new TemplateError(`template: :${lineAt(offset)}: ${message}`);
  };
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf('{{', at);
    let text = source.slice(at, open < 0 ? source.length : open);
    const start = at;
    if (trimNext) text = text.trimStart();
    trimNext = false;
    if (open < 0) {
      if (text) push('text', start, source.length, text);
      break;
    }
    let inside = open + 2;
    const trimmed = /^-[ \t\r\n]/.test(source.slice(inside, inside + 2));
    if (trimmed) {
      text = text.trimEnd();
      inside += 2;
    }
    if (text) push('text', start, open, text);
    if (source.startsWith('/*', inside)) {
      const end = source.indexOf('*/', inside);
      if (end < 0) fail('unclosed comment', inside);
      const rest = /^(\s-)?\}\}/.exec(source.slice(end + 2));
      if (!rest) fail('comment ends before closing delimiter', inside);
      trimNext = rest![1] !== undefined;
      at = end + 2 + rest![0].length;
      continue;
    }
    push('open', open, inside);
    at = inside;
    let depth = 0;
    for (;;) {
      if (at >= source.length) fail('unclosed action');
      const closing = /^([ \t\r\n]-)?\}\}/.exec(source.slice(at, at + 4));
      if (closing) {
        if (depth) fail('unclosed left paren');
        push('close', at, at + closing[0].length);
        trimNext = closing[1] !== undefined;
        at += closing[0].length;
        break;
      }
      const char = source[at]!;
      if (/[ \t\r\n]/.test(char)) {
        const begin = at;
        while (/[ \t\r\n]/.test(source[at] ?? '') && !/^[ \t\r\n]-\}\}/.test(source.slice(at, at + 4))) at++;
        push('space', begin, at);
      } else if (char === '"') {
        const match = /^"(?:\\[\s\S]|[^"\\\n])*"/.exec(source.slice(at));
        if (!match) fail('unterminated quoted string');
        push('string', at, at + match![0].length);
        at += match![0].length;
      } else if (char === '`') {
        const end = source.indexOf('`', at + 1);
        if (end < 0) fail('unterminated raw quoted string');
        push('string', at, end + 1);
        at = end + 1;
      } else if (char === "'") {
        const match = /^'(?:\\.[^']*|[^'\\\n]+)'/.exec(source.slice(at));
        if (!match) fail('unterminated character constant');
        push('char', at, at + match![0].length);
        at += match![0].length;
      } else if (char === '$' || (char === '.' && !/[0-9]/.test(source[at + 1] ?? ''))) {
        const begin = at++;
        while (at < source.length && word.test(source[at]!)) at++;
        const alone = at === begin + 1;
        push(char === '$' ? 'variable' : alone ? 'dot' : 'field', begin, at);
      } else if (/[0-9]/.test(char) || (/[+\-.]/.test(char) && /[0-9.]/.test(source[at + 1] ?? ''))) {
        const match =
          /^[+-]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9_]*\.?[0-9_]*([eE][+-]?[0-9]+)?)/.exec(
            source.slice(at),
          )!;
        const end = at + match[0].length;
        if (word.test(source[end] ?? ' '))
          fail(`bad number syntax: ${JSON.stringify(source.slice(at, end + 1))}`);
        push('number', at, end);
        at = end;
      } else if (word.test(char)) {
        const begin = at;
        while (at < source.length && word.test(source[at]!)) at++;
        push('identifier', begin, at);
      } else if (char === ':') {
        if (source[at + 1] !== '=') fail('expected :=');
        push('declare', at, at + 2);
        at += 2;
      } else {
        const kinds: Record<string, TokenKind> = {
          '|': 'pipe',
          '=': 'assign',
          ',': 'comma',
          '(': 'left',
          ')': 'right',
        };
        const kind = kinds[char];
        if (!kind)
          fail(
            `unexpected unrecognized character in action: U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${char}'`,
          );
        if (char === '(') depth++;
        if (char === ')' && --depth < 0) fail('unexpected right paren');
        push(kind!, at, ++at);
      }
    }
  }
  tokens.push({ kind: 'end', text: '', at: source.length, line: lineAt(source.length) });
  return tokens;
}
