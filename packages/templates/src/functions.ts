import { sprint, sprintf } from './printf.ts';
import {
  elements,
  entries,
  goJson,
  indirect,
  isRawNumber,
  length,
  print,
  Typed,
  truth,
  typed,
  typeName,
} from './value.ts';

export interface TemplateFunction {
  /** Least and most arguments. */
  count: [number, number];
  run(...args: unknown[]): unknown;
}

export type FunctionTable = Record<string, TemplateFunction>;

/** An argument of a type that a function does not take. */
export class TypeMismatch extends Error {
  readonly index: number;

  constructor(index: number, expected: string, value: unknown) {
    super(`wrong type for value; expected ${expected}; got ${typeName(value)}`);
    this.index = index;
  }
}

const text = (value: unknown, index: number): string => {
  if (typeof value === 'string') return value;
  if (isRawNumber(value)) return value.rawJSON;
  throw new TypeMismatch(index, 'string', value);
};

const whole = (value: unknown, index: number): number => {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new TypeMismatch(index, 'int', value);
};

const strings = (value: unknown, index: number): string[] => {
  const list = elements(value);
  if (!list) throw new TypeMismatch(index, '[]string', value);
  return list.map((element) => (typeof element === 'string' ? element : print(element)));
};

const fixed = (count: number, run: (...args: unknown[]) => unknown): TemplateFunction => ({
  count: [count, count],
  run,
});
const some = (least: number, run: (...args: unknown[]) => unknown): TemplateFunction => ({
  count: [least, Number.POSITIVE_INFINITY],
  run,
});

function index(item: unknown, ...keys: unknown[]): unknown {
  let value = item;
  for (const key of keys) {
    value = indirect(value);
    if (value === null || value === undefined) throw new Error('index of untyped nil');
    const list = elements(value);
    if (list) {
      if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${typeName(key)}`);
      if (key < 0 || key >= list.length) throw new Error(`index out of range: ${key}`);
      value = list[key];
      continue;
    }
    if (typeof value === 'string') {
      if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${typeName(key)}`);
      const bytes = Buffer.from(value);
      if (key < 0 || key >= bytes.length) throw new Error(`index out of range: ${key}`);
      value = bytes[key];
      continue;
    }
    const map =
      value instanceof Typed
        ? value.type.kind === 'map'
          ? (value.value ?? {})
          : undefined
        : entries(value) && value;
    if (!map) throw new Error(`can't index item of type ${typeName(value)}`);
    if (typeof key !== 'string') throw new Error(`value has type ${typeName(key)}; should be string`);
    const found = Object.hasOwn(map as object, key) ? (map as Record<string, unknown>)[key] : undefined;
    value = value instanceof Typed && value.type.kind === 'map' ? typed(value.type.of, found) : found;
  }
  return value;
}

function slice(item: unknown, ...bounds: unknown[]): unknown {
  const value = indirect(item);
  const list = elements(value);
  const source = typeof value === 'string' ? Buffer.from(value) : list;
  if (!source) throw new Error(`can't slice item of type ${typeName(value)}`);
  const [from, to] = [bounds[0] ?? 0, bounds[1] ?? source.length] as [number, number];
  for (const bound of [from, to])
    if (bound < 0 || bound > source.length) throw new Error(`index out of range: ${bound}`);
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return Buffer.isBuffer(source) ? source.toString('utf8', from, to) : source.slice(from, to);
}

const basic = (value: unknown): { kind: string; value: unknown } => {
  if (isRawNumber(value)) return { kind: 'int', value: Number(value.rawJSON) };
  if (typeof value === 'number') return { kind: Number.isInteger(value) ? 'int' : 'float', value };
  if (typeof value === 'string' || typeof value === 'boolean') return { kind: typeof value, value };
  return { kind: 'other', value };
};

function equal(first: unknown, ...others: unknown[]): boolean {
  return others.some((other) => {
    const a = basic(first);
    const b = basic(other);
    if (a.kind === 'other' || b.kind === 'other') {
      const [x, y] = [indirect(first) ?? null, indirect(other) ?? null];
      if (x === null || y === null) return x === y;
      throw new Error(a.kind === b.kind ? 'non-comparable type' : 'incompatible types for comparison');
    }
    if (a.kind !== b.kind) throw new Error('incompatible types for comparison');
    return a.value === b.value;
  });
}

function less(first: unknown, second: unknown): boolean {
  const a = basic(first);
  const b = basic(second);
  if (a.kind !== b.kind) throw new Error('incompatible types for comparison');
  if (a.kind === 'other' || a.kind === 'boolean') throw new Error('invalid type for comparison');
  return (a.value as number) < (b.value as number);
}

const escapeHtml = (value: string): string =>
  value.replace(
    /[&<>"'\0]/g,
    (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' })[char] ?? '\uFFFD',
  );
const escapeJs = (value: string): string =>
  value.replace(/[\\'"<>&=\n\r\t]/g, (char) => {
    if ('\\\'"'.includes(char)) return `\\${char}`;
    const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return named[char] ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
const single = (args: unknown[]): string =>
  typeof args[0] === 'string' && args.length === 1 ? args[0] : sprint(args);

/** The functions of Docker's templates: Go's own, and those of its client. */
export const functions: FunctionTable = {
  and: some(1, (...args) => args.find((value) => !truth(value)) ?? args.at(-1)),
  or: some(1, (...args) => args.find(truth) ?? args.at(-1)),
  not: fixed(1, (value) => !truth(value)),
  len: fixed(1, (value) => {
    const target = indirect(value);
    if (target === null || target === undefined) throw new Error('len of untyped nil');
    const count = length(target);
    if (count < 0) throw new Error(`len of type ${typeName(target)}`);
    return count;
  }),
  index: some(1, index),
  slice: some(1, slice),
  print: some(0, (...args) => sprint(args)),
  printf: some(1, (format, ...args) => sprintf(text(format, 0), args)),
  println: some(0, (...args) => `${args.map((value) => print(value ?? null)).join(' ')}\n`),
  html: some(0, (...args) => escapeHtml(single(args))),
  js: some(0, (...args) => escapeJs(single(args))),
  urlquery: some(0, (...args) =>
    encodeURIComponent(single(args))
      .replace(/%20/g, '+')
      .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
  ),
  call: some(1, () => {
    throw new Error('non-function of type');
  }),
  eq: some(2, equal),
  ne: fixed(2, (a, b) => !equal(a, b)),
  lt: fixed(2, less),
  le: fixed(2, (a, b) => less(a, b) || equal(a, b)),
  gt: fixed(2, (a, b) => !less(a, b) && !equal(a, b)),
  ge: fixed(2, (a, b) => !less(a, b)),
  json: fixed(1, (value) => goJson(value)),
  split: fixed(2, (value, separator) => text(value, 0).split(text(separator, 1))),
  join: fixed(2, (values, separator) => strings(values, 0).join(text(separator, 1))),
  title: fixed(1, (value) =>
    text(value, 0).replace(
      /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  ),
  lower: fixed(1, (value) => text(value, 0).toLowerCase()),
  upper: fixed(1, (value) => text(value, 0).toUpperCase()),
  pad: fixed(3, (value, before, after) => {
    const source = text(value, 0);
    return source && ' '.repeat(whole(before, 1)) + source + ' '.repeat(whole(after, 2));
  }),
  truncate: fixed(2, (value, count) => {
    const bytes = Buffer.from(text(value, 0));
    return bytes.length < whole(count, 1) ? value : bytes.toString('utf8', 0, whole(count, 1));
  }),
};

/** In the header of a table these leave the name of the column alone. */
export const headerFunctions: FunctionTable = Object.fromEntries(
  (['json', 'split', 'join', 'title', 'lower', 'upper', 'truncate'] as const).map((name) => [
    name,
    { count: functions[name]!.count, run: (value: unknown) => value },
  ]),
);
