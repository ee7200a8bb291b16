import { durationFault, parseDuration } from '../../base/durations.ts';
import { parseBool, parseInteger, parseSize } from '../../base/sizes.ts';

/** Options of a log driver as the API has them: all are texts. */
export type Options = Readonly<Record<string, string>>;

/** A truth value, false when it is not given. @throws Error with the text of Go's strconv.ParseBool */
export function boolean(text: string | undefined, otherwise = false): boolean {
  if (text === undefined || text === '') return otherwise;
  const value = parseBool(text);
  if (value === undefined)
    throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

/** Milliseconds of a duration. @throws Error with the text of Go's time.ParseDuration */
export function milliseconds(text: string | undefined, otherwise: number): number {
  if (text === undefined || text === '') return otherwise;
  const nanoseconds = parseDuration(text);
  if (nanoseconds !== undefined) return Number(nanoseconds / 1000n) / 1000;
  throw new Error(durationFault(text));
}

/** Bytes of a size. @throws Error with go-units' text */
export function bytes(text: string | undefined, otherwise: number): number {
  if (text === undefined || text === '') return otherwise;
  const size = parseSize(text);
  if (size === undefined) throw new Error(`invalid size: '${text}'`);
  return size;
}

/** A number of 0 or more. @throws Error with the text of Go's strconv.ParseUint */
export function unsigned(text: string | undefined, otherwise: number): number {
  if (text === undefined || text === '') return otherwise;
  if (!/^\d+$/.test(text))
    throw new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** A whole number, or undefined. */
export const integer = (text: string): number | undefined => parseInteger(text);
