/**
 * The most levels of JSON that comes from others. No document of a client or a registry has a tenth of them, and what
 * was read is often written again, which overflows the interpreter's stack at some thousands. (Go's limit is 10,000.)
 */
const DEEPEST = 500;

/**
 * The most values of such a text: each costs up to a microsecond to read, while all others wait. The largest known
 * documents, descriptions of build caches, have some ten for each step.
 */
const MOST_VALUES = 50_000;
/** The longest text whose error names its place: to find the place takes longer than to read the text. */
const LONGEST_EXPLAINED = 1 << 18;

/**
 * The value of a JSON text that a client, a registry or an archive sent.
 * @throws SyntaxError for what is not JSON, and for more levels or values than there may be.
 */
export function parseJson(text: string): unknown {
  const refusal = excess(text);
  if (refusal !== undefined) throw new Excess(refusal);
  return JSON.parse(text);
}

/** More levels or values than a text may have. */
class Excess extends SyntaxError {}

const TOO_DEEP = 'exceeded max depth';
const TOO_MANY = `exceeded max number of values (${MOST_VALUES})`;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Says of which there is more than there may be: levels, or values. */
function excess(text: string): string | undefined {
  if (text.length <= DEEPEST) return undefined;
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < QUOTE || (code > COMMA && code < OPEN_ARRAY)) continue; // blanks, numbers
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (at === -1) return undefined; // it has no end: what is wrong is told by the parser
    } else if (code === COMMA) values += 1;
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      depth += 1;
      values += 1;
      if (depth > DEEPEST) return TOO_DEEP;
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth -= 1;
    if (values > MOST_VALUES) return TOO_MANY;
  }
  return undefined;
}

/** The place of the quote that ends the string which begins at `from`; -1 when none does. */
function endOfString(text: string, from: number): number {
  const first = text.indexOf('"', from + 1);
  if (first === -1 || text.charCodeAt(first - 1) !== BACKSLASH) return first;
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at += 1;
  }
  return -1;
}

/**
 * Why a text is not JSON, in the words of Go's decoder, which users of this API know. `error`: what `parseJson` has refused
 * the text with.
 */
export function jsonProblem(
  text: string,
  error?: unknown,
): { kind: 'syntax' | 'eof' | 'trailing'; message: string } {
  if (error instanceof Excess) return { kind: 'syntax', message: error.message };
  if (text.length > LONGEST_EXPLAINED) return { kind: 'syntax', message: 'the text is not JSON' };
  const reader = new Reader(text);
  try {
    reader.value();
  } catch (problem) {
    if (problem instanceof Problem) return { kind: problem.kind, message: problem.message };
    throw problem;
  }
  return { kind: 'trailing', message: 'unexpected content after JSON' };
}

class Problem extends Error {
  readonly kind: 'syntax' | 'eof';

  constructor(kind: 'syntax' | 'eof', message: string) {
    super(message);
    this.kind = kind;
  }
}

class Reader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  value(): void {
    const first = this.next();
    if (first === '{' || first === '[') {
      if (first === '{') this.object();
      else this.array();
    } else if (first === '"') this.string();
    else if (first === '-' || isDigit(first)) this.number(first);
    else if (first === 't') this.literal('true');
    else if (first === 'f') this.literal('false');
    else if (first === 'n') this.literal('null');
    else throw bad(first, 'looking for beginning of value');
  }

  private object(): void {
    let first = this.next();
    if (first === '}') return;
    for (;;) {
      if (first !== '"') throw bad(first, 'looking for beginning of object key string');
      this.string();
      const colon = this.next();
      if (colon !== ':') throw bad(colon, 'after object key');
      this.value();
      const after = this.next();
      if (after === '}') return;
      if (after !== ',') throw bad(after, 'after object key:value pair');
      first = this.next();
    }
  }

  private array(): void {
    const first = this.next();
    if (first === ']') return;
    this.at -= 1;
    for (;;) {
      this.value();
      const after = this.next();
      if (after === ']') return;
      if (after !== ',') throw bad(after, 'after array element');
    }
  }

  private string(): void {
    for (;;) {
      const character = this.take();
      if (character === '"') return;
      if (character < ' ') throw bad(character, 'in string literal');
      if (character !== '\\') continue;
      const escaped = this.take();
      if (escaped === 'u') {
        for (let digit = 0; digit < 4; digit += 1) {
          const hex = this.take();
          if (!/[0-9a-fA-F]/.test(hex)) throw bad(hex, 'in \\u hexadecimal character escape');
        }
      } else if (!'"\\/bfnrt'.includes(escaped)) throw bad(escaped, 'in string escape code');
    }
  }

  private number(first: string): void {
    let character = first;
    if (character === '-') {
      character = this.take();
      if (!isDigit(character)) throw bad(character, 'in numeric literal');
    }
    if (character !== '0') while (isDigit(this.peek())) this.at += 1;
    if (this.peek() === '.') {
      this.at += 1;
      const digit = this.take();
      if (!isDigit(digit)) throw bad(digit, 'after decimal point in numeric literal');
      while (isDigit(this.peek())) this.at += 1;
    }
    if (this.peek() === 'e' || this.peek() === 'E') {
      this.at += 1;
      let digit = this.take();
      if (digit === '+' || digit === '-') digit = this.take();
      if (!isDigit(digit)) throw bad(digit, 'in exponent of numeric literal');
      while (isDigit(this.peek())) this.at += 1;
    }
  }

  private literal(word: string): void {
    for (const expected of word.slice(1)) {
      const character = this.take();
      if (character !== expected) throw bad(character, `in literal ${word} (expecting '${expected}')`);
    }
  }

  private peek(): string {
    return this.text[this.at] ?? '';
  }

  private take(): string {
    const character = this.text[this.at];
    if (character === undefined) throw new Problem('eof', 'unexpected EOF');
    this.at += 1;
    return character;
  }

  /** The next character that is no blank. */
  private next(): string {
    while (' \t\r\n'.includes(this.peek()) && this.at < this.text.length) this.at += 1;
    return this.take();
  }
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9' && character.length === 1;
}

function bad(character: string, context: string): Problem {
  const shown = character === "'" ? `'\\''` : character === '"' ? `'"'` : `'${character}'`;
  return new Problem('syntax', `invalid character ${shown} ${context}`);
}

/** A map with its keys in Go's order, in which Docker's API writes maps and the bytes of image configurations have them. */
export function sortedMap<T>(map: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
