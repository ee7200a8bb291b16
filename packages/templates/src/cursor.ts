import { TemplateError, type Token, type TokenKind } from './lex.ts';

/** Words of an action that are no functions. */
export const keywords = new Set([
  'if',
  'else',
  'end',
  'range',
  'with',
  'define',
  'template',
  'block',
  'break',
  'continue',
  'nil',
]);

/** A place among the tokens of a template, which errors name by its line. */
export class Cursor {
  protected readonly tokens: Token[];
  protected next = 0;

  constructor(tokens: Token[]) {
    this.tokens = tokens;
  }

  protected fail(message: string, token: Token = this.tokens[Math.max(0, this.next - 1)]!): never {
    throw new TemplateError(`template: :${token.line}: ${message}`);
  }

  protected peek(): Token {
    while (this.tokens[this.next]!.kind === 'space') this.next++;
    return this.tokens[this.next]!;
  }

  protected take(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.next++;
    return token;
  }

  protected expect(kind: TokenKind, context: string): Token {
    const token = this.take();
    if (token.kind !== kind) this.unexpected(token, context);
    return token;
  }

  protected unexpected(token: Token, context: string): never {
    if (token.kind === 'end') return this.fail(`unexpected EOF`, token);
    const shown =
      token.kind === 'identifier' && keywords.has(token.text)
        ? `<${token.text}>`
        : token.kind === 'close'
          ? '"}}"'
          : JSON.stringify(token.text);
    return this.fail(`unexpected ${shown} in ${context}`, token);
  }
}
