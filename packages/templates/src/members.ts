import {
  entries,
  type GoObject,
  type GoType,
  indirect,
  isGoObject,
  Typed,
  typed,
  typeName,
} from './value.ts';

/** The behaviour of a template for a map's key that is not there. */
export type MissingKey = 'default' | 'error';

/** A field that a value does not have, or that was used as a function; its text is Go's, without the place. */
export class FieldError extends Error {}

/**
 * `.name` of a value, as Go's text/template finds it: a method, a struct's field or a map's key; undefined for a key that
 * is not there. Throws FieldError.
 */
export function member(receiver: unknown, name: string, args: unknown[], missing: MissingKey): unknown {
  if (receiver === undefined) {
    if (missing === 'error') throw new FieldError(`nil data; no entry for key ${JSON.stringify(name)}`);
    return undefined;
  }
  if (receiver === null) throw new FieldError(`nil pointer evaluating interface {}.${name}`);
  if (isGoObject(receiver)) return callMethod(receiver, name, args);
  const value = indirect(receiver);
  const type = () => typeName(receiver);
  if (value === null) throw new FieldError(`nil pointer evaluating ${type()}.${name}`);
  if (value instanceof Typed && value.type.kind === 'struct') {
    const field = value.type.fields().find((one) => one.name === name);
    if (!field) throw new FieldError(`can't evaluate field ${name} in type ${type()}`);
    if (args.length) throw new FieldError(`${name} has arguments but cannot be invoked as function`);
    return typed(field.type, (value.value as Record<string, unknown> | undefined)?.[field.json]);
  }
  if (value instanceof Typed ? value.type.kind === 'map' : entries(value)) {
    if (args.length) throw new FieldError(`${name} is not a method but has arguments`);
    return mapEntry(value, name, missing);
  }
  throw new FieldError(
    `can't evaluate field ${name} in type ${value instanceof Typed ? type() : 'interface {}'}`,
  );
}

function callMethod(receiver: GoObject, name: string, args: unknown[]): unknown {
  const method = receiver.method(name);
  if (!method) throw new FieldError(`can't evaluate field ${name} in type ${receiver.goType}`);
  if (method.length !== args.length)
    throw new FieldError(`wrong number of args for ${name}: want ${method.length} got ${args.length}`);
  return method(...args);
}

function mapEntry(value: unknown, name: string, missing: MissingKey): unknown {
  const map = (value instanceof Typed ? value.value : value) as Record<string, unknown> | null | undefined;
  if (!map || !Object.hasOwn(map, name)) {
    if (missing === 'error') throw new FieldError(`map has no entry for key ${JSON.stringify(name)}`);
    return undefined;
  }
  return value instanceof Typed ? typed((value.type as { of: GoType }).of, map[name]) : map[name];
}
