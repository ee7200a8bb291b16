import { parseDuration } from './durations.ts';

/** Go's zero time, which the API shows for "never". */
export const NEVER = '0001-01-01T00:00:00Z';

/** The epoch on the monotonic clock, in nanoseconds. */
const epoch = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** The wall clock in nanoseconds since the epoch, in steps finer than a millisecond. */
export function nowNanos(): bigint {
  const precise = epoch + process.hrtime.bigint();
  const coarse = BigInt(Date.now()) * 1_000_000n;
  // The monotonic clock does not follow a clock that was set: then the coarse one is right.
  const drift = precise - coarse;
  return drift > 50_000_000n || drift < -50_000_000n ? coarse : precise;
}

/** RFC 3339 in UTC, the fraction without trailing zeros, as Go prints a time in JSON. */
export function rfc3339(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** Nanoseconds since the epoch of an RFC 3339 time; undefined when it is none. */
export function parseRfc3339(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return undefined;
  const milliseconds = Date.parse(`${match[1]!.replace(/[t ]/, 'T')}${match[3]!.toUpperCase()}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0').slice(0, 9) || '0');
}

/** Nanoseconds of `seconds[.fraction]`, as clients write since and until; undefined when it is no number. */
export function parseUnixTime(text: string): bigint | undefined {
  const match = /^(-?\d+)(?:\.(\d*))?$/.exec(text);
  if (!match) return undefined;
  return BigInt(match[1]!) * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0').slice(0, 9));
}

/** A point in time as filters take it: a duration before now, RFC 3339 (zone and parts of the time may lack), Unix seconds. */
export function parseTimeFilter(text: string): bigint | undefined {
  const unix = parseUnixTime(text);
  if (unix !== undefined) return unix;
  const ago = parseDuration(text);
  if (ago !== undefined) return nowNanos() - ago;
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(:\d\d)?(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (!match) return undefined;
  const [, day, hour = '00', minute = ':00', second = ':00', fraction = '', zone = 'Z'] = match;
  return parseRfc3339(`${day}T${hour}${minute}${second}${fraction}${zone}`);
}
