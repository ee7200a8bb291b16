import { BlockList, isIP } from 'node:net';
import { BerthError, invalidParameter } from '../base/errors.ts';
import type { ImageSpec } from './messages.ts';

/** Bytes of one text of a request, such as a label's value. */
const TEXT_MAX = 1024 * 1024;
/** Entries of one list or map of a request. */
const ENTRIES_MAX = 16_384;

/** The refusal of a field. */
export const refuse = (field: string, why: string): BerthError => invalidParameter(`${field}: ${why}`);

/** Has the engine read a field's value by `make`. @throws the engine's refusal, with the field's name before its words */
export function ofField<T>(field: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    throw new BerthError(error.kind, `${field}: ${error.message}`, { cause: error });
  }
}

/** A text without NUL, of bounded length. @throws invalid-parameter */
export function text(value: unknown, field: string, most = TEXT_MAX): string {
  const given = typeof value === 'string' ? value : '';
  if (given.includes('\0')) throw refuse(field, 'it has a NUL character');
  if (Buffer.byteLength(given) > most) throw refuse(field, `it is longer than ${most} bytes`);
  return given;
}

/** The same, and not empty. */
export function needed(value: unknown, field: string, most?: number): string {
  const given = text(value, field, most);
  if (given === '') throw refuse(field, 'it is missing');
  return given;
}

/** A message that has to be there. */
export function message<T>(value: T | null | undefined, field: string): T {
  if (value === null || value === undefined) throw refuse(field, 'it is missing');
  return value;
}

/** A message for nodes of another system. @throws invalid-parameter when it is there */
export function noWindows(value: unknown, field: string): void {
  if (value !== null && value !== undefined) throw refuse(field, 'this node runs Linux');
}

/** One line of text. */
export function line(value: unknown, field: string, most?: number): string {
  const given = text(value, field, most);
  if (/[\r\n]/.test(given)) throw refuse(field, 'it has a line end');
  return given;
}

/** A number within bounds. */
export function within(value: unknown, field: string, least: number, most: number): number {
  const given = typeof value === 'number' ? value : 0;
  if (!Number.isSafeInteger(given) || given < least || given > most)
    throw refuse(field, `${given} is not between ${least} and ${most}`);
  return given;
}

/** One of an enumeration's words, by its number. */
export function choice<T extends string>(value: unknown, field: string, words: readonly T[]): T {
  const word = words[typeof value === 'number' ? value : 0];
  if (word === undefined) throw refuse(field, `${String(value)} is none of its values`);
  return word;
}

/** A list of bounded length; none given is an empty one. @throws invalid-parameter */
export function list<T>(value: readonly T[] | null | undefined, field: string): readonly T[] {
  const given = value ?? [];
  if (given.length > ENTRIES_MAX) throw refuse(field, `it has more than ${ENTRIES_MAX} entries`);
  return given;
}

/** A map from names to texts. */
export function texts(value: unknown, field: string): Record<string, string> {
  const entries = Object.entries((value ?? {}) as Record<string, unknown>);
  if (entries.length > ENTRIES_MAX) throw refuse(field, `it has more than ${ENTRIES_MAX} entries`);
  return Object.fromEntries(
    entries.map(([key, item]) => [needed(key, `${field} key`, 4096), text(item, `${field}[${key}]`)]),
  );
}

/** A path from the root, or '' where it may be left out. */
export function path(value: unknown, field: string, required = true): string {
  const given = text(value, field, 4096);
  if (given === '' && !required) return '';
  if (!given.startsWith('/'))
    throw refuse(field, given === '' ? 'it is missing' : `${JSON.stringify(given)} is no absolute path`);
  return given;
}

/** A path that stays below the folder that it is relative to, or ''. */
export function below(value: unknown, field: string): string {
  const given = text(value, field, 4096);
  if (given.startsWith('/') || given.split('/').includes('..'))
    throw refuse(field, `${JSON.stringify(given)} leads out of its folder`);
  return given;
}

/** An IP address of either family, or '' where none is given. @throws invalid-parameter */
export function address(value: unknown, field: string): string {
  const given = text(value, field, 64);
  if (given !== '' && isIP(given) === 0) throw refuse(field, `${JSON.stringify(given)} is no IP address`);
  return given;
}

/** Ranges of addresses, "ADDRESS/BITS" with commas between; none for ''. */
export function ranges(value: unknown, field: string): BlockList | undefined {
  const given = text(value, field, 1024);
  if (given === '') return undefined;
  const found = new BlockList();
  for (const one of given.split(',')) {
    const [base = '', bits = '', ...more] = one.trim().split('/');
    const family = isIP(base);
    if (
      family === 0 ||
      more.length > 0 ||
      !/^\d{1,3}$/.test(bits) ||
      Number(bits) > (family === 4 ? 32 : 128)
    )
      throw refuse(field, `${JSON.stringify(one)} is no range of addresses, such as 10.1.0.0/16`);
    found.addSubnet(base, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  }
  return found;
}

/** Checks the members of an image's specification beside its name. @throws invalid-parameter naming the field */
export function besideImage(spec: ImageSpec, field: string): void {
  texts(spec.annotations, `${field}.annotations`);
  for (const name of ['user_specified_image', 'runtime_handler'] as const)
    text(spec[name], `${field}.${name}`, 4096);
}
