import { invalidParameter } from '../base/errors.ts';
import { replacePattern, stripPrefix, stripSuffix } from '../patterns/shell.ts';

/**
 * A word that grows beyond this while it is expanded is refused: each line of a Dockerfile may double a variable, and
 * no program can be given one that is longer than the kernel's MAX_ARG_STRLEN (128 KiB) anyway.
 */
const LONGEST = 4 * 1024 * 1024;

function bounded(text: string): string {
  if (text.length > LONGEST) throw invalidParameter('the word is too long once its variables are put in');
  return text;
}

/** Where variables come from: the value, or undefined for an unset one. */
export type Lookup = (name: string) => string | undefined;

/**
 * Expands one word as the Dockerfile reference's "environment replacement" says: quotes are removed, `\$` is literal,
 * `$x`, `${x}`, `${x:-y}`, `${x:+y}`, `${x:?y}`, the same without the colon, `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`,
 * `${x/p/r}`, `${x//p/r}`.
 * @throws invalid-parameter for an unclosed quote or brace and for `:?`.
 */
export function expandWord(text: string, lookup: Lookup, escaper = '\\'): string {
  try {
    return bounded(new Expander(text, lookup, escaper).all());
  } catch (error) {
    const why = error instanceof RangeError ? 'nested too deeply' : (error as Error).message;
    throw invalidParameter(`failed to process ${JSON.stringify(text)}: ${why}`, error);
  }
}

/** Fills in the variables that are set; quotes, escapes and all else stay as written (what progress shows). */
export function expandRaw(text: string, lookup: Lookup, escaper = '\\'): string {
  return new Expander(text, lookup, escaper, true).all();
}

/** Splits at blanks outside quotes and expands each word; a variable with blanks in it splits too, as dockerd does. */
export function expandWords(text: string, lookup: Lookup, escaper = '\\'): string[] {
  const words: string[] = [];
  for (const raw of splitWords(text, escaper)) {
    const quoted = /["']/.test(raw);
    const value = expandWord(raw, lookup, escaper);
    if (quoted) words.push(value);
    else words.push(...value.split(/\s+/).filter(Boolean));
  }
  return words;
}

/** The words of a text, quotes and escapes kept. */
export function splitWords(text: string, escaper = '\\'): string[] {
  const words: string[] = [];
  let word = '';
  let inWord = false;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quote) {
      word += char;
      if (char === escaper && quote === '"' && at + 1 < text.length) word += text[++at]!;
      else if (char === quote) quote = '';
    } else if (/\s/.test(char)) {
      if (inWord) words.push(word);
      word = '';
      inWord = false;
    } else {
      inWord = true;
      word += char;
      if (char === '"' || char === "'") quote = char;
      else if (char === escaper && at + 1 < text.length) word += text[++at]!;
    }
  }
  if (inWord) words.push(word);
  return words;
}

class Expander {
  private at = 0;
  private readonly text: string;
  private readonly lookup: Lookup;
  private readonly escaper: string;
  /** Keeps quotes, escapes and unset variables as they are. */
  private readonly raw: boolean;

  constructor(text: string, lookup: Lookup, escaper: string, raw = false) {
    this.text = text;
    this.lookup = lookup;
    this.escaper = escaper;
    this.raw = raw;
  }

  all(): string {
    let out = '';
    while (this.at < this.text.length) out = bounded(out + this.piece());
    return out;
  }

  private piece(): string {
    const char = this.text[this.at]!;
    if (char === "'") return this.single();
    if (char === '"') return this.double();
    if (char === '$') return this.variable();
    this.at++;
    if (char === this.escaper && this.at < this.text.length)
      return (this.raw ? char : '') + this.text[this.at++]!;
    return char;
  }

  private single(): string {
    const end = this.text.indexOf("'", this.at + 1);
    if (end < 0)
      throw invalidParameter('unexpected end of statement while looking for matching single-quote');
    const value = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return this.raw ? `'${value}'` : value;
  }

  private double(): string {
    this.at++;
    let out = '';
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined)
        throw invalidParameter('unexpected end of statement while looking for matching double-quote');
      if (char === '"') {
        this.at++;
        return this.raw ? `"${out}"` : out;
      }
      if (char === '$') out = bounded(out + this.variable());
      else if (char === this.escaper) {
        const next = this.text[this.at + 1];
        if (next !== undefined && ['"', '$', this.escaper].includes(next)) {
          out += this.raw ? char + next : next;
          this.at += 2;
        } else {
          out += char;
          this.at++;
        }
      } else {
        out += char;
        this.at++;
      }
    }
  }

  private variable(): string {
    this.at++;
    if (this.text[this.at] === '{') return this.braced();
    const name = /^(?:[a-zA-Z_][a-zA-Z0-9_]*|[0-9@*#?$!-])/.exec(this.text.slice(this.at))?.[0];
    if (!name) return '$';
    this.at += name.length;
    return this.lookup(name) ?? (this.raw ? `$${name}` : '');
  }

  private braced(): string {
    const start = this.at - 1;
    this.at++;
    const name = /^[a-zA-Z0-9_]+/.exec(this.text.slice(this.at))?.[0];
    if (!name) throw invalidParameter('syntax error: bad substitution');
    this.at += name.length;
    const value = this.lookup(name);
    const rest = this.text.slice(this.at);
    if (rest.startsWith('}')) {
      this.at++;
      return value ?? (this.raw ? this.text.slice(start, this.at) : '');
    }
    const operator = /^(?::?[-+?]|##?|%%?|\/\/?)/.exec(rest)?.[0];
    if (!operator) {
      const bad = rest.slice(0, rest.startsWith(':') ? 2 : 1);
      if (bad === '') throw invalidParameter('syntax error: missing }');
      throw invalidParameter(`unsupported modifier (${bad}) in substitution`);
    }
    this.at += operator.length;
    if (operator.startsWith('/')) return this.replacement(value ?? '', operator);
    const word = this.until('}');
    const set = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
    switch (operator.replace(':', '')) {
      case '-':
        return set ? value! : word;
      case '+':
        return set ? word : '';
      case '?':
        if (!set) throw invalidParameter(`${name}: ${word || 'not allowed to be unset'}`);
        return value!;
      case '#':
        return stripPrefix(value ?? '', word, false);
      case '##':
        return stripPrefix(value ?? '', word, true);
      case '%':
        return stripSuffix(value ?? '', word, false);
      default:
        return stripSuffix(value ?? '', word, true);
    }
  }

  private replacement(value: string, operator: string): string {
    const pattern = this.until('/');
    const by = this.until('}');
    return bounded(replacePattern(value, pattern, by, operator === '//'));
  }

  /** The expanded text up to a closing character, which is taken too. */
  private until(close: string): string {
    let out = '';
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined) throw invalidParameter('syntax error: missing }');
      if (char === close) {
        this.at++;
        return out;
      }
      out = bounded(out + this.piece());
    }
  }
}
