/** A duration as Docker says it: `3 minutes`, `About an hour`, `2 weeks`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(milliseconds / 60_000);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(milliseconds / 3_600_000 / 24 / 365)} years`;
}

/** How long ago a Unix time in seconds was. */
export const ago = (seconds: number): string => `${humanDuration(Date.now() - seconds * 1000)} ago`;

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
