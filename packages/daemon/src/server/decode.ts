import type { Schema, SchemaLookup } from '@berth/api-spec';
import { invalidParameter } from '../base/errors.ts';
import { readGoText } from './shapes/go-texts.ts';

/**
 * Decodes values by the API document's schemas the way Go's decoders do, which is what the clients of this API are
 * written against: member names in any case, null as absent, unknown members ignored, and Go's error texts.
 */

/** A query parameter's value; undefined when it is absent. @throws invalid-parameter for a number that is none. */
export function decodeParameter(schema: Schema, raw: unknown): unknown {
  const type = schema.type;
  if (type === 'array') return raw === undefined ? undefined : Array.isArray(raw) ? raw : [raw];
  const value = Array.isArray(raw) ? raw[0] : raw;
  if (value === undefined) return undefined;
  if (type === 'boolean') return goBoolean(value as string);
  if (type === 'integer' || type === 'number') {
    if (value === '') return undefined;
    if (type === 'integer' ? !/^[+-]?\d+$/.test(value) : Number.isNaN(Number(value)))
      throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
    if (type === 'integer' && Math.abs(Number(value)) > INT64)
      throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(value)}: value out of range`);
    return Number(value);
  }
  return value;
}

/** One more than Go's largest number; JSON has that one read as this. */
const INT64 = 2 ** 63;
const LARGEST = INT64 - 1024;

/** The ranges of Go's kinds of integers; the others are int64. */
const RANGES: Record<string, [number, number]> = {
  uint16: [0, 0xffff],
  uint64: [0, 2 ** 64],
  'fs.FileMode': [0, 0xffff_ffff],
};

/** True unless the text is one of those that mean no. */
function goBoolean(text: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes(text.trim().toLowerCase());
}

/** The API version from which addresses and ports have types of their own, and a list is no more written as a text. */
const TYPED_TEXTS = 52;

/** How a body is read: by which document, and as which API version reads it. */
interface Reading {
  lookup: SchemaLookup;
  version: number;
}

/** A body's JSON value as its schema has it at that API version. @throws invalid-parameter where a type does not fit. */
export function decodeBody(lookup: SchemaLookup, schema: Schema, value: unknown, version: number): unknown {
  return decode({ lookup, version }, schema, value, '', '');
}

function decode(reading: Reading, given: Schema, value: unknown, owner: string, path: string): unknown {
  const { lookup, version } = reading;
  const schema = resolve(lookup, given);
  if (value === null || schema.type === undefined) return value;
  const kinds = Array.isArray(schema.type) ? schema.type : [schema.type];
  const kind = kindOf(value);
  if (!kinds.includes(kind) && !(kind === 'number' && kinds.includes('integer') && Number.isInteger(value)))
    throw mismatch(schema, value, owner, path);
  if (kind === 'number' && kinds.includes('integer')) {
    const [least, most] = RANGES[schema['x-go-type'] ?? ''] ?? [-INT64, INT64];
    if ((value as number) < least || (value as number) > most) throw mismatch(schema, value, owner, path);
    return Math.min(value as number, most === INT64 ? LARGEST : most);
  }
  if (kind === 'string' && kinds.includes('array')) {
    if (version >= TYPED_TEXTS) throw mismatch({ type: 'array' }, value, owner, path);
    // A list of one may be written without its brackets.
    return [value];
  }
  if (kind === 'string' && schema['x-go-text'] && version >= TYPED_TEXTS)
    return readGoText(schema['x-go-text'], value as string);
  if (kind === 'array') {
    const items = schema.items;
    return items
      ? (value as unknown[]).map((item) => orZero(lookup, items, decode(reading, items, item, owner, path)))
      : value;
  }
  return kind === 'object'
    ? decodeObject(reading, schema, value as Record<string, unknown>, owner, path)
    : value;
}

function decodeObject(
  reading: Reading,
  schema: Schema,
  value: Record<string, unknown>,
  owner: string,
  path: string,
): unknown {
  const { lookup, version } = reading;
  const keys = version >= TYPED_TEXTS ? schema['x-go-keys'] : undefined;
  const object = objectSchemaOf(lookup, schema);
  const result: Record<string, unknown> = {};
  const name = object.name || owner;
  for (const [key, member] of Object.entries(value)) {
    const exact = object.members.has(key) ? key : object.byLowerCase.get(key.toLowerCase());
    const known = exact === undefined ? undefined : object.members.get(exact);
    if (exact !== undefined && known) {
      if (member === null) continue;
      const place = `${object.embedded.get(exact) ?? ''}${exact}`;
      result[exact] = decode(reading, known, member, name, path === '' ? place : `${path}.${place}`);
    } else if (object.values) {
      // A map keeps its key; Go gives it the zero value for null.
      const decoded = decode(reading, object.values, member, name, path);
      Object.defineProperty(result, keys ? readGoText(keys, key) : key, {
        value: orZero(lookup, object.values, decoded),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
  }
  return result;
}

interface ObjectSchema {
  name: string;
  members: Map<string, Schema>;
  byLowerCase: Map<string, string>;
  /** The type that a member stands in within the object's own (`Resources.`), as errors name it. */
  embedded: Map<string, string>;
  /** The schema of a map's values; undefined for an object with members only. */
  values: Schema | undefined;
}

const objectSchemas = new WeakMap<Schema, ObjectSchema>();

function objectSchemaOf(lookup: SchemaLookup, schema: Schema): ObjectSchema {
  const known = objectSchemas.get(schema);
  if (known) return known;
  const members = new Map<string, Schema>();
  const embedded = new Map<string, string>();
  let values: Schema | undefined;
  const collect = (part: Schema, prefix: string) => {
    const resolved = resolve(lookup, part);
    for (const base of resolved.allOf ?? []) {
      const name = base.$ref === undefined ? undefined : lookup.nameOf(origin(resolve(lookup, base)));
      collect(base, name === undefined ? prefix : `${prefix}${name}.`);
    }
    for (const [key, member] of Object.entries(resolved.properties ?? {})) {
      members.set(key, member);
      if (prefix !== '') embedded.set(key, prefix);
    }
    if (resolved.additionalProperties && typeof resolved.additionalProperties === 'object')
      values = resolved.additionalProperties;
  };
  collect(schema, '');
  // An object without any description is free: its members are taken as they are.
  if (members.size === 0 && values === undefined) values = {};
  const object: ObjectSchema = {
    name: lookup.nameOf(origin(schema)) ?? '',
    members,
    embedded,
    byLowerCase: new Map([...members.keys()].map((key) => [key.toLowerCase(), key])),
    values,
  };
  objectSchemas.set(schema, object);
  return object;
}

function resolve(lookup: SchemaLookup, schema: Schema): Schema {
  let resolved = schema;
  while (resolved.$ref !== undefined) resolved = lookup.ref(resolved.$ref);
  if (resolved.type === undefined && (resolved.properties || resolved.allOf || resolved.additionalProperties))
    return withType(resolved);
  return resolved;
}

const typed = new WeakMap<Schema, Schema>();
const origins = new WeakMap<Schema, Schema>();

/** The document's own schema, which has the name. */
const origin = (schema: Schema): Schema => origins.get(schema) ?? schema;

/** The same schema with the type that its keywords imply. */
function withType(schema: Schema): Schema {
  let known = typed.get(schema);
  if (!known) {
    known = { ...schema, type: 'object' };
    typed.set(schema, known);
    origins.set(known, schema);
  }
  return known;
}

function orZero(lookup: SchemaLookup, schema: Schema, value: unknown): unknown {
  if (value !== null) return value;
  const type = resolve(lookup, schema).type;
  const first = Array.isArray(type) ? type.find((candidate) => candidate !== 'null') : type;
  switch (first) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return 0;
    default:
      return null;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function mismatch(schema: Schema, value: unknown, owner: string, path: string): Error {
  const kind = kindOf(value);
  const wantsNumber = schema.type?.includes('integer') || schema.type?.includes('number');
  const number = Number.isInteger(value) ? BigInt(value as number) : value;
  const got = kind === 'boolean' ? 'bool' : kind === 'number' && wantsNumber ? `number ${number}` : kind;
  const where = path === '' ? 'Go value' : `Go struct field ${owner === '' ? '' : `${owner}.`}${path}`;
  return invalidParameter(
    `invalid JSON: json: cannot unmarshal ${got} into ${where} of type ${goType(schema)}`,
  );
}

function goType(schema: Schema): string {
  if (schema['x-go-type']) return schema['x-go-type'];
  const type = Array.isArray(schema.type)
    ? schema.type.find((candidate) => candidate !== 'null')
    : schema.type;
  switch (type) {
    case 'integer':
      return 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'array':
      return '[]string';
    case 'object':
      return schema.additionalProperties ? 'map[string]string' : 'struct';
    default:
      return 'string';
  }
}
