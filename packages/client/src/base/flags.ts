import { CliError } from './errors.ts';

/**
 * Flags with the syntax and the error texts of pflag, the parser behind Docker's command line: `--name value`,
 * `--name=value`, `-abc`, `-ovalue`, `--`, options after arguments unless the command takes a foreign command line.
 */
export interface Flag<T> {
  /** Shown in the help after the name; empty for switches. */
  readonly type: string;
  readonly short: string;
  readonly help: string;
  readonly initial: T;
  /** Shown in the help as the default; empty when there is nothing to say. */
  readonly shown: string;
  /** The value of the flag when it is given bare, as `--rm`. */
  readonly bare?: string;
  readonly hidden?: boolean;
  /** The value after `raw` was given. Throws with the reason only. */
  parse(raw: string, before: T, given: boolean): T;
}

/** Flags of whatever types. */
export type FlagTable = Record<string, Flag<unknown>>;
export type FlagValues<F extends FlagTable> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never;
};

export interface Parsed<F extends FlagTable> {
  readonly flags: FlagValues<F>;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly help: boolean;
}

interface Extra<T> {
  initial?: T;
  shown?: string;
  hidden?: boolean;
}

const goSyntax = (kind: string, raw: string) =>
  new Error(`strconv.${kind}: parsing ${JSON.stringify(raw)}: invalid syntax`);
const goRange = (kind: string, raw: string) =>
  new Error(`strconv.${kind}: parsing ${JSON.stringify(raw)}: value out of range`);

/** Go's ParseBool. */
export function parseBool(raw: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(raw)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(raw)) return false;
  throw goSyntax('ParseBool', raw);
}

/** Go's ParseInt with base 0: decimal, 0x, 0o, 0b, underscores; the range of 64 bits. */
export function parseInteger(raw: string, kind = 'ParseInt', bits = 64): number {
  const signed = kind === 'ParseInt';
  const text = raw.replace(/_/g, '');
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]+)$/.exec(text);
  if (!match || (!signed && match[1])) throw goSyntax(kind, raw);
  const digits = /^0[0-7]+$/.test(match[2]!) ? `0o${match[2]!.slice(1)}` : match[2]!;
  let value: bigint;
  try {
    value = BigInt(digits);
  } catch {
    throw goSyntax(kind, raw);
  }
  if (match[1] === '-') value = -value;
  const top = signed ? 2n ** BigInt(bits - 1) : 2n ** BigInt(bits);
  if (value >= top || value < (signed ? -top : 0n)) throw goRange(kind, raw);
  return Number(value);
}

/** A flag that needs no value: `--name` is true. Its values are those of Go's strconv.ParseBool. */
export function bool(short: string, help: string, extra: Extra<boolean> = {}): Flag<boolean> {
  return {
    type: '',
    short,
    help,
    initial: extra.initial ?? false,
    shown: extra.initial ? 'true' : '',
    hidden: extra.hidden,
    bare: 'true',
    parse: (raw) => parseBool(raw),
  };
}

/** A flag whose value is taken as it is. */
export function string(short: string, help: string, extra: Extra<string> = {}): Flag<string> {
  const initial = extra.initial ?? '';
  return {
    type: 'string',
    short,
    help,
    initial,
    shown: extra.shown ?? (initial ? JSON.stringify(initial) : ''),
    hidden: extra.hidden,
    parse: (raw) => raw,
  };
}

/** A flag whose value is a signed 64-bit integer in Go's notation (strconv.ParseInt, base 0). */
export function int(short: string, help: string, extra: Extra<number> = {}): Flag<number> {
  const initial = extra.initial ?? 0;
  return {
    type: 'int',
    short,
    help,
    initial,
    shown: extra.shown ?? (initial ? String(initial) : ''),
    hidden: extra.hidden,
    parse: (raw) => parseInteger(raw),
  };
}

/** A flag whose value is from 0 to 65535, in Go's notation. */
export function uint16(short: string, help: string): Flag<number> {
  return {
    type: 'uint16',
    short,
    help,
    initial: 0,
    shown: '',
    parse: (raw) => parseInteger(raw, 'ParseUint', 16),
  };
}

/** A flag that may be given many times; each value is checked, and may be rewritten, by `check`. */
export function list(
  short: string,
  help: string,
  check: (raw: string) => string = (raw) => raw,
  extra: Extra<string[]> & { type?: string } = {},
): Flag<string[]> {
  return {
    type: extra.type ?? 'list',
    short,
    help,
    initial: extra.initial ?? [],
    shown: extra.shown ?? '',
    hidden: extra.hidden,
    parse: (raw, before, given) => [...(given ? before : []), check(raw)],
  };
}

/** A list whose one value may hold several, separated by commas. */
export function strings(short: string, help: string, extra: Extra<string[]> = {}): Flag<string[]> {
  return {
    type: 'strings',
    short,
    help,
    initial: extra.initial ?? [],
    shown: extra.shown ?? '',
    hidden: extra.hidden,
    parse: (raw, before, given) => [...(given ? before : []), ...(raw === '' ? [] : raw.split(','))],
  };
}

/** `key=value` pairs; a bare key has an empty value. */
export function map(short: string, help: string, extra: Extra<Record<string, string>> = {}) {
  const flag: Flag<Record<string, string>> = {
    type: 'map',
    short,
    help,
    initial: extra.initial ?? {},
    shown: extra.shown ?? '',
    hidden: extra.hidden,
    parse(raw, before, given) {
      const at = raw.indexOf('=');
      const key = at < 0 ? raw : raw.slice(0, at);
      return { ...(given ? before : {}), [key]: at < 0 ? '' : raw.slice(at + 1) };
    },
  };
  return flag;
}

/** A flag of a type of its own. */
export function custom<T>(
  type: string,
  short: string,
  help: string,
  initial: T,
  parse: (raw: string, before: T, given: boolean) => T,
  shown = '',
): Flag<T> {
  return { type, short, help, initial, shown, parse };
}

/** `-f key=value`, as Docker's list commands take them. */
export function filter(short: string, help: string): Flag<Record<string, string[]>> {
  return custom<Record<string, string[]>>('filter', short, help, {}, (raw, before, given) => {
    const filters: Record<string, string[]> = given ? { ...before } : {};
    if (raw === '') return filters;
    const at = raw.indexOf('=');
    if (at < 0) throw new Error('bad format of filter (expected name=value)');
    const key = raw.slice(0, at).trim().toLowerCase();
    const value = raw.slice(at + 1).trim();
    const values = filters[key] ?? [];
    filters[key] = values.includes(value) ? values : [...values, value];
    return filters;
  });
}

/** The name of a flag in messages: `-n, --last`. */
function flagLabel(name: string, short: string): string {
  return short ? `-${short}, --${name}` : `--${name}`;
}

/**
 * Parses `argv` by the table. With `interspersed` false everything from the first argument on is left alone.
 * Throws CliError with pflag's text.
 */
export function parseFlags<F extends FlagTable>(
  table: F,
  argv: readonly string[],
  interspersed = true,
  renamed: Readonly<Record<string, string>> = {},
): Parsed<F> {
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(table)) values[name] = table[name]!.initial;
  const given = new Set<string>();
  const args: string[] = [];
  let help = false;

  const set = (name: string, raw: string): void => {
    const flag = table[name]!;
    try {
      values[name] = flag.parse(raw, values[name], given.has(name));
    } catch (error) {
      const reason = (error as Error).message;
      throw new CliError(
        `invalid argument ${JSON.stringify(raw)} for "${flagLabel(name, flag.short)}" flag: ${reason}`,
      );
    }
    given.add(name);
  };
  const byShort = (letter: string) => Object.keys(table).find((name) => table[name]!.short === letter);

  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') {
      args.push(...argv.slice(at + 1));
      break;
    }
    if (word.length < 2 || word[0] !== '-') {
      args.push(word);
      if (interspersed) continue;
      args.push(...argv.slice(at + 1));
      break;
    }
    if (word.startsWith('--')) {
      const eq = word.indexOf('=');
      const written = eq < 0 ? word.slice(2) : word.slice(2, eq);
      if (written === '' || written.startsWith('-')) throw new CliError(`bad flag syntax: ${word}`);
      const name = Object.hasOwn(renamed, written) ? renamed[written]! : written;
      const flag = Object.hasOwn(table, name) ? table[name] : undefined;
      if (!flag) {
        if (name !== 'help') throw new CliError(`unknown flag: --${written}`);
        help = true;
      } else if (eq >= 0) set(name, word.slice(eq + 1));
      else if (flag.bare !== undefined) set(name, flag.bare);
      else {
        const next = argv[++at];
        if (next === undefined) throw new CliError(`flag needs an argument: --${written}`);
        set(name, next);
      }
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!;
      const name = byShort(letter);
      if (!name) {
        // Docker takes -h for help where the command has no -h of its own.
        if (letter === 'h') {
          help = true;
          continue;
        }
        throw new CliError(`unknown shorthand flag: '${letter}' in ${word}`);
      }
      const flag = table[name]!;
      const rest = word.slice(i + 1);
      if (rest.startsWith('=')) set(name, rest.slice(1));
      else if (flag.bare !== undefined) {
        set(name, flag.bare);
        continue;
      } else if (rest) set(name, rest);
      else {
        const next = argv[++at];
        if (next === undefined) throw new CliError(`flag needs an argument: '${letter}' in ${word}`);
        set(name, next);
      }
      break;
    }
  }
  // Some commands list it among their own.
  return { flags: values as FlagValues<F>, given, args, help: help || values['help'] === true };
}
