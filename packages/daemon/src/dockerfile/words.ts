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

/** The most words in braces in each other (`${a:-${b:-...}}`): each level takes frames of the interpreter's stack. */
const DEEPEST = 250;

/** Looks a variable up: its value, or undefined for an unset one. */
export type Lookup = (name: string) => string | undefined;

/**
 * Expands one word as the Dockerfile reference's "environment replacement" says: quotes are removed, `\$` is literal,
 * `$x`, `${x}`, `${x:-y}`, `${x:+y}`, `${x:?y}`, the same without the colon, `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`,
 * `${x/p/r}`, `${x//p/r}`.
 * @throws invalid-parameter for an unclosed quote or brace and for `:?`.
 */
export function expandWord(text: string, lookup: Lookup, escaper = '\\'): string {
  return new Expander(text, lookup, escaper).text();
}

/** Fills in the variables that are set and takes escapes away; quotes and all else stay as written (what progress shows). */
export function expandRaw(text: string, lookup: Lookup, escaper = '\\'): string {
  return new Expander(text, lookup, escaper, { quotes: true, unset: true }).text();
}

/** Fills in variables in a here-document: quotes are bytes of it, an escaped dollar sign is one. */
export function expandDocument(text: string, lookup: Lookup, escaper = '\\'): string {
  return new Expander(text, lookup, escaper, { literalQuotes: true }).text();
}

/** Splits at blanks outside quotes and expands each word; a variable with blanks in it splits too, as dockerd does. */
export function expandWords(text: string, lookup: Lookup, escaper = '\\'): string[] {
  return new Expander(text, lookup, escaper).words();
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
      // An escape at the very end stands for nothing.
      if (char === escaper && at + 1 === text.length) break;
      word += char;
      if (char === '"' || char === "'") quote = char;
      else if (char === escaper) word += text[++at]!;
    }
  }
  if (word !== '') words.push(word);
  return words;
}

/** A part of a text that stays as it is written. */
interface Kept {
  quotes?: boolean;
  /** Variables that are not set. */
  unset?: boolean;
  /** Quotes have no meaning. */
  literalQuotes?: boolean;
}

const NAME = /[0-9]+|[@*#?$!-]|[\p{L}_][\p{L}\p{Nd}_]*/uy;
const BLANK = /\s/;

class Expander {
  private at = 0;
  private readonly source: string;
  private readonly lookup: Lookup;
  private readonly escaper: string;
  private readonly kept: Kept;
  private keepEscapes: boolean;
  private depth = 0;

  constructor(text: string, lookup: Lookup, escaper: string, kept: Kept = {}) {
    this.source = text;
    this.lookup = lookup;
    this.escaper = escaper;
    this.kept = kept;
    this.keepEscapes = false;
  }

  text(): string {
    return this.named(() => {
      let out = '';
      while (this.at < this.source.length) out = bounded(out + this.piece());
      return out;
    });
  }

  words(): string[] {
    return this.named(() => {
      const words: string[] = [];
      let word = '';
      const close = () => {
        if (word !== '') words.push(word);
        word = '';
      };
      while (this.at < this.source.length) {
        const char = this.source[this.at]!;
        const piece = this.piece();
        // Quoted and escaped blanks do not part words; those of a variable's value do.
        if (char !== '$' && !BLANK.test(char)) word = bounded(word + piece);
        else
          for (const each of piece) {
            if (BLANK.test(each)) close();
            else word += each;
          }
      }
      close();
      return words;
    });
  }

  private named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const text = JSON.stringify(this.source);
      throw invalidParameter(`failed to process ${text}: ${(error as Error).message}`, error);
    }
  }

  private piece(): string {
    const char = this.source[this.at]!;
    if (!this.kept.literalQuotes) {
      if (char === "'") return this.single();
      if (char === '"') return this.double();
    }
    if (char === '$') return this.variable();
    this.at++;
    if (char !== this.escaper) return char;
    const next = this.source[this.at] ?? '';
    this.at++;
    return (this.keepEscapes ? char : '') + next;
  }

  private single(): string {
    const end = this.source.indexOf("'", this.at + 1);
    if (end < 0) {
      this.at = this.source.length;
      throw invalidParameter('unexpected end of statement while looking for matching single-quote');
    }
    const value = this.source.slice(this.at + 1, end);
    this.at = end + 1;
    return this.kept.quotes ? `'${value}'` : value;
  }

  private double(): string {
    this.at++;
    let out = '';
    for (;;) {
      const char = this.source[this.at];
      if (char === undefined)
        throw invalidParameter('unexpected end of statement while looking for matching double-quote');
      if (char === '"') {
        this.at++;
        return this.kept.quotes ? `"${out}"` : out;
      }
      if (char === '$') {
        out = bounded(out + this.variable());
        continue;
      }
      this.at++;
      if (char !== this.escaper) {
        out += char;
        continue;
      }
      const next = this.source[this.at];
      if (this.keepEscapes) out += char;
      if (next !== undefined && ['"', '$', this.escaper].includes(next)) {
        out += next;
        this.at++;
      } else if (next !== undefined) out += char;
    }
  }

  /** The name that stands here; '' for none. */
  private name(): string {
    NAME.lastIndex = this.at;
    const name = NAME.exec(this.source)?.[0] ?? '';
    this.at += name.length;
    return name;
  }

  private variable(): string {
    this.at++;
    if (this.source[this.at] === '{') return this.braced();
    const name = this.name();
    if (name === '') return '$';
    return this.lookup(name) ?? (this.kept.unset ? `$${name}` : '');
  }

  private braced(): string {
    const start = this.at - 1;
    this.at++;
    const first = this.source[this.at];
    if (first === undefined) throw invalidParameter("syntax error: missing '}'");
    if ('{}:'.includes(first)) throw invalidParameter('syntax error: bad substitution');
    const name = this.name();
    const value = this.lookup(name);
    const unset = () => (this.kept.unset && value === undefined ? this.source.slice(start, this.at) : null);
    const char = this.source[this.at++] ?? '\ufffd';
    if (char === '}') return unset() ?? value ?? '';
    if (char === '/') return this.replacement(value ?? '', unset);
    const colon = char === ':';
    const operator = colon ? (this.source[this.at++] ?? '\ufffd') : char;
    if (!'+-?#%'.includes(operator) && !colon)
      throw invalidParameter(`unsupported modifier (${char}) in substitution`);
    const word = this.until('}', operator === '#' || operator === '%');
    const kept = unset();
    if (kept !== null) return kept;
    const set = value !== undefined && !(colon && value === '');
    switch (operator) {
      case '-':
        return set ? value : word;
      case '+':
        return set ? word : '';
      case '?': {
        if (set) return value;
        const why = `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`;
        throw invalidParameter(`${name}: ${word || why}`);
      }
      case '#':
      case '%': {
        const longest = word.startsWith(operator);
        const strip = operator === '#' ? stripPrefix : stripSuffix;
        return strip(value ?? '', longest ? word.slice(1) : word, longest);
      }
      default:
        throw invalidParameter(`unsupported modifier (${char}${operator}) in substitution`);
    }
  }

  private replacement(value: string, unset: () => string | null): string {
    const all = this.source[this.at] === '/';
    if (all) this.at++;
    const pattern = this.until('/', true, "syntax error: missing '/' in ${}");
    const by = this.until('}', true);
    return unset() ?? bounded(replacePattern(value, pattern, by, all));
  }

  /** The expanded text up to a closing character, which is taken too. */
  private until(close: string, keepEscapes: boolean, missing = "syntax error: missing '}'"): string {
    const before = this.keepEscapes;
    this.keepEscapes = keepEscapes;
    if (++this.depth > DEEPEST) throw invalidParameter('nested too deeply');
    try {
      let out = '';
      for (;;) {
        const char = this.source[this.at];
        if (char === undefined) throw invalidParameter(missing);
        if (char === close) {
          this.at++;
          return out;
        }
        out = bounded(out + this.piece());
      }
    } finally {
      this.depth--;
      this.keepEscapes = before;
    }
  }
}
