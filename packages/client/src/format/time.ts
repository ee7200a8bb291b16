import { humanDuration } from '@berth/templates/duration.ts';

/** How long ago a Unix time in seconds was. */
export const ago = (seconds: number): string => `${humanDuration(Date.now() / 1000 - seconds)} ago`;

const two = (value: number): string => String(value).padStart(2, '0');

/** Minutes east of Greenwich at a time. */
const offset = (date: Date): number => -date.getTimezoneOffset();

const zoneOf = (minutes: number, colon: string): string =>
  `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}${colon}${two(Math.abs(minutes) % 60)}`;

/** The local name of the time zone: `UTC`, `CET`; its offset when it has none. */
function zoneName(date: Date): string {
  // Without a look at the time zone's database, which takes milliseconds: a zone that never differs from UTC.
  const year = date.getFullYear();
  if (offset(new Date(year, 0, 1)) === 0 && offset(new Date(year, 6, 1)) === 0) return 'UTC';
  const name = new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')?.value;
  return !name || name.startsWith('GMT') ? zoneOf(offset(date), '') : name;
}

const localDate = (date: Date): string =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const localTime = (date: Date): string =>
  `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

/** A Unix time in seconds as Go's `Time.String` writes it, in local time. */
export function goTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${localDate(date)} ${localTime(date)} ${zoneOf(offset(date), '')} ${zoneName(date)}`;
}

/** A Unix time in seconds by RFC 3339, in local time, with so many digits of its fraction. */
export function rfc3339(seconds: number, nanoseconds?: number): string {
  const date = new Date(seconds * 1000);
  const minutes = offset(date);
  const fraction = nanoseconds === undefined ? '' : `.${String(nanoseconds).padStart(9, '0')}`;
  return `${localDate(date)}T${localTime(date)}${fraction}${minutes === 0 ? 'Z' : zoneOf(minutes, ':')}`;
}
