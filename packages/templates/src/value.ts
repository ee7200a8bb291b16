/**
 * Go's view of values, as far as templates show it. JSON values stand for themselves; a value with a Go type of its
 * own is a `Typed`, so that missing members are zero and structs print as structs; a row of a list is a `GoObject`.
 */
export type GoType =
  | { kind: 'string' | 'bool' | 'int' | 'float' | 'any' | 'time' }
  | { kind: 'slice' | 'map' | 'pointer'; of: GoType }
  | { kind: 'struct'; name: string; fields: () => readonly GoField[] };

export interface GoField {
  name: string;
  /** The field's name in JSON. */
  json: string;
  type: GoType;
}

/** A value with its Go type; `value` is the JSON it came from, undefined when it was not there. */
export class Typed {
  readonly type: GoType;
  readonly value: unknown;

  constructor(type: GoType, value: unknown) {
    this.type = type;
    this.value = value;
  }
}

/** An object with methods in place of fields: a row of `ps`, of `images`... */
export interface GoObject {
  /** The value's Go type, for messages. */
  readonly goType: string;
  /** The method of that name, or nothing. */
  method(name: string): ((...args: unknown[]) => unknown) | undefined;
  /** Names of the methods that JSON shows. */
  names(): readonly string[];
}

/** Whether a value has methods in place of fields. */
export const isGoObject = (value: unknown): value is GoObject =>
  typeof value === 'object' && value !== null && 'goType' in value && 'method' in value;

/** A number that JavaScript cannot hold, kept as its text. */
export interface RawNumber {
  rawJSON: string;
}

/** Whether a value is a number that JavaScript cannot hold. */
export const isRawNumber = (value: unknown): value is RawNumber =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as RawNumber).rawJSON === 'string' &&
  Object.keys(value).length === 1;

const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};

/** Parses JSON and keeps the text of integers beyond 2^53. */
export function parseJson(text: string): unknown {
  // Only a text with a run of 16 digits can hold one.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return json.parse(text, (_, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source && /^-?\d+$/.test(source)
      ? json.rawJSON(source)
      : value,
  );
}

/** The value of a member of a Go type: composite ones stay typed. */
export function typed(type: GoType, value: unknown): unknown {
  switch (type.kind) {
    case 'any':
      return value ?? null;
    case 'string':
      return value ?? '';
    case 'bool':
      return value ?? false;
    case 'int':
    case 'float':
      return value ?? 0;
    default:
      return new Typed(type, value);
  }
}

/** Follows pointers; null for one that is nil. */
export function indirect(value: unknown): unknown {
  let found = value;
  while (found instanceof Typed && found.type.kind === 'pointer') {
    if (found.value === null || found.value === undefined) return null;
    found = typed(found.type.of, found.value);
  }
  return found;
}

/** The plain JSON of a value. */
export function plain(value: unknown): unknown {
  if (value instanceof Typed) {
    if (value.value !== undefined) return value.value;
    return value.type.kind === 'struct' ? zeroStruct(value.type.fields()) : null;
  }
  if (isGoObject(value)) {
    const members: Record<string, unknown> = {};
    for (const name of value.names()) members[name] = plain(value.method(name)!());
    return members;
  }
  return value;
}

function zeroStruct(fields: readonly GoField[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ json: name, type }) => [name, plain(typed(type, undefined))]));
}

/**
 * JSON as Go writes it without HTML escapes. A row of a list makes its JSON itself, and that way has them.
 */
export function goJson(value: unknown): string {
  const json = JSON.stringify(plain(value)) ?? 'null';
  const text = isGoObject(value)
    ? json.replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)
    : json;
  return text.replace(/\u2028/g, '\\u2028').replace(/\u2029/g, '\\u2029');
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

/** Keys in Go's order: by bytes. */
function sortedKeys(map: Record<string, unknown>): string[] {
  return Object.keys(map).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** The elements of an array, or nothing when the value is none. */
export function elements(value: unknown): unknown[] | undefined {
  if (value instanceof Typed) {
    if (value.type.kind !== 'slice') return undefined;
    const { of } = value.type;
    return ((value.value as unknown[] | null | undefined) ?? []).map((element) => typed(of, element));
  }
  return Array.isArray(value) ? value : undefined;
}

/** The entries of a map in Go's order, or nothing when the value is none. */
export function entries(value: unknown): [string, unknown][] | undefined {
  if (value instanceof Typed) {
    if (value.type.kind !== 'map') return undefined;
    const { of } = value.type;
    const map = (value.value as Record<string, unknown> | null | undefined) ?? {};
    return sortedKeys(map).map((key) => [key, typed(of, map[key])]);
  }
  if (!isMap(value) || isGoObject(value)) return undefined;
  return sortedKeys(value).map((key) => [key, value[key]]);
}

/** Go's name of a value's type, for messages. */
export function typeName(value: unknown): string {
  if (value instanceof Typed) return nameOf(value.type);
  if (isGoObject(value)) return value.goType;
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (Array.isArray(value)) return '[]interface {}';
  return isRawNumber(value) ? 'json.Number' : 'map[string]interface {}';
}

function nameOf(type: GoType): string {
  switch (type.kind) {
    case 'slice':
      return `[]${nameOf(type.of)}`;
    case 'map':
      return `map[string]${nameOf(type.of)}`;
    case 'pointer':
      return `*${nameOf(type.of)}`;
    case 'struct':
      return type.name;
    case 'any':
      return 'interface {}';
    case 'time':
      return 'time.Time';
    case 'float':
      return 'float64';
    default:
      return type.kind;
  }
}

/** Whether `if` takes a value for true. */
export function truth(value: unknown): boolean {
  if (value instanceof Typed) {
    if (value.type.kind === 'struct' || value.type.kind === 'time') return true;
    if (value.type.kind === 'pointer') return value.value !== null && value.value !== undefined;
    return length(value) > 0;
  }
  if (value === null || value === undefined || value === '' || value === 0 || value === false) return false;
  if (isGoObject(value) || isRawNumber(value)) return true;
  return typeof value === 'object' ? length(value) > 0 : true;
}

/** Go's `len`; -1 for what has none. */
export function length(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return elements(value)?.length ?? entries(value)?.length ?? -1;
}

/** A value as `%v` prints it. */
export function print(value: unknown, depth = 0): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (value instanceof Typed) return printTyped(value, depth);
  if (isGoObject(value))
    return `&{${value
      .names()
      .map((name) => print(value.method(name)!(), depth + 1))
      .join(' ')}}`;
  if (Array.isArray(value)) return `[${value.map((element) => print(element, depth + 1)).join(' ')}]`;
  if (isRawNumber(value)) return value.rawJSON;
  if (typeof value === 'object') return printMap(entries(value)!, depth);
  if (typeof value === 'number') return printNumber(value);
  return String(value);
}

const printMap = (pairs: [string, unknown][], depth: number): string =>
  `map[${pairs.map(([key, element]) => `${key}:${print(element, depth + 1)}`).join(' ')}]`;

function printTyped(value: Typed, depth: number): string {
  const { type } = value;
  switch (type.kind) {
    case 'pointer': {
      const target = indirect(value);
      if (target === null) return '<nil>';
      // A pointer inside prints its address; any will do.
      return depth > 0 ? '0xc000012345' : print(target, depth);
    }
    case 'slice':
      return `[${elements(value)!
        .map((element) => print(element, depth + 1))
        .join(' ')}]`;
    case 'map':
      return printMap(entries(value)!, depth);
    case 'struct': {
      const members = (value.value as Record<string, unknown> | undefined) ?? {};
      return `{${type
        .fields()
        .map((field) => print(typed(field.type, members[field.json]), depth + 1))
        .join(' ')}}`;
    }
    case 'time':
      return printTime(value.value as string | undefined);
    default:
      return print(typed(type, value.value), depth);
  }
}

/** Go's `time.Time` of a JSON time. */
function printTime(text: string | undefined): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(
    text ?? '0001-01-01T00:00:00Z',
  );
  if (!match) return text ?? '';
  const zone = match[4] === 'Z' ? '+0000 UTC' : `${match[4]!.replace(':', '')} ${match[4]!.replace(':', '')}`;
  return `${match[1]} ${match[2]}${(match[3] ?? '').replace(/0+$/, '').replace(/\.$/, '')} ${zone}`;
}

/** A number as `%v` prints it: integers whole, others with Go's shortest form. */
export function printNumber(value: number): string {
  if (Number.isInteger(value)) return BigInt(value).toString();
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent < -4 || exponent >= 21) {
    const [mantissa, power] = value.toExponential().split('e') as [string, string];
    return `${mantissa}e${power[0]}${power.slice(1).padStart(2, '0')}`;
  }
  return String(value);
}

/** The text of an action's result: a pointer prints the value it points to. */
export function printResult(value: unknown): string {
  if (value === null) return '<no value>';
  return print(value instanceof Typed && value.type.kind === 'pointer' ? (indirect(value) ?? value) : value);
}

/** The keys and elements that `range` passes; undefined for a value that it can't. */
export function pairsOf(value: unknown): [key: unknown, element: unknown][] | undefined {
  if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index]);
  return elements(value)?.map((element, index) => [index, element]) ?? entries(value);
}
