import { goExponential, goFixed } from './rounding.ts';
import { elements, entries, print, printNumber } from './value.ts';

const quoteEscapes: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** A string as Go's `strconv.Quote` writes it. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (quoteEscapes[char]) quoted += quoteEscapes[char];
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(char) || (/\p{Zs}/u.test(char) && char !== ' '))
      quoted +=
        code < 0x10000
          ? `\\u${code.toString(16).padStart(4, '0')}`
          : `\\U${code.toString(16).padStart(8, '0')}`;
    else quoted += char;
  }
  return `${quoted}"`;
}

function pad(text: string, width: number, flags: string): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0')) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.test(text) ? text[0]! : '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}

const kind = (value: unknown): string =>
  typeof value === 'number'
    ? Number.isInteger(value)
      ? 'int'
      : 'float64'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value;

function integer(value: unknown, verb: string, flags: string): string | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  const bases: Record<string, number> = { d: 10, x: 16, X: 16, o: 8, b: 2 };
  const base = bases[verb];
  if (!base) return verb === 'c' ? String.fromCodePoint(value) : undefined;
  let text = Math.abs(value).toString(base);
  if (verb === 'X') text = text.toUpperCase();
  if (flags.includes('#') && base === 16) text = `0${verb}${text}`;
  return (value < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + text;
}

function float(value: unknown, verb: string, precision: number | undefined): string | undefined {
  if (typeof value !== 'number') return undefined;
  if (verb === 'f' || verb === 'F') return goFixed(value, precision ?? 6);
  if (verb === 'e' || verb === 'E') {
    const text = goExponential(value, precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
    return verb === 'E' ? text.toUpperCase() : text;
  }
  return verb === 'g' || verb === 'G' ? printNumber(value) : undefined;
}

function one(verb: string, value: unknown, flags: string, precision: number | undefined): string {
  const list = verb === 'v' ? undefined : elements(value);
  if (list) return `[${list.map((element) => one(verb, element, flags, precision)).join(' ')}]`;
  switch (verb) {
    case 'v':
      return print(value ?? null);
    case 's':
      if (typeof value === 'string')
        return precision === undefined ? value : [...value].slice(0, precision).join('');
      if (entries(value)) return print(value);
      break;
    case 'q':
      if (typeof value === 'string') return goQuote(value);
      break;
    case 't':
      if (typeof value === 'boolean') return String(value);
      break;
    case 'x':
    case 'X':
      if (typeof value === 'string') {
        const hex = Buffer.from(value).toString('hex');
        return verb === 'X' ? hex.toUpperCase() : hex;
      }
      break;
    case 'T':
      return kind(value);
  }
  const whole = integer(value, verb, flags) ?? float(value, verb, precision);
  if (whole !== undefined) return whole;
  return value === null || value === undefined
    ? `%!${verb}(<nil>)`
    : `%!${verb}(${kind(value)}=${print(value)})`;
}

/** Go's Sprintf. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let next = 0;
  let text = format.replace(
    /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.?)/gsu,
    (_, flags: string, width, precision, verb: string) => {
      if (verb === '%') return '%';
      if (verb === '') return '%!(NOVERB)';
      const columns = width === '*' ? Number(args[next++]) : Number(width ?? 0);
      const digits =
        precision === undefined
          ? undefined
          : precision === '*'
            ? Number(args[next++])
            : Number(precision || 0);
      if (next >= args.length) return `%!${verb}(MISSING)`;
      return pad(one(verb, args[next++], flags, digits), columns, flags);
    },
  );
  if (next < args.length)
    text += `%!(EXTRA ${args
      .slice(next)
      .map((value) => `${kind(value)}=${print(value)}`)
      .join(', ')})`;
  return text;
}

/** Go's Sprint: a blank between two operands of which neither is a string. */
export function sprint(args: readonly unknown[]): string {
  let text = '';
  args.forEach((value, index) => {
    if (index > 0 && typeof value !== 'string' && typeof args[index - 1] !== 'string') text += ' ';
    text += print(value ?? null);
  });
  return text;
}
