const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function scaled(value: number, base: number, units: readonly string[]): string {
  let size = value;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  return `${unit === 0 ? Math.round(size) : size.toPrecision(3)} ${units[unit]}`;
}

/** A size on disk or of a transfer, in powers of 1000. */
export const bytes = (value: number): string => scaled(value, 1000, DECIMAL);

/** A size in memory, in powers of 1024. */
export const memory = (value: number): string => scaled(value, 1024, BINARY);

/** Bytes in a second. */
export const rate = (value: number): string => `${bytes(value)}/s`;

/** A share in percent (12.3 is 12.3 %), with a decimal below 10. */
export const percent = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;

const STEPS: ReadonlyArray<[seconds: number, name: string]> = [
  [365 * 86_400, 'year'],
  [30 * 86_400, 'month'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** How long ago a time was, in its largest unit: `3 hours ago`. */
export function ago(seconds: number, now = Date.now() / 1000): string {
  const gone = Math.max(0, now - seconds);
  for (const [size, name] of STEPS) {
    const count = Math.floor(gone / size);
    if (count > 0) return `${count} ${name}${count === 1 ? '' : 's'} ago`;
  }
  return 'now';
}

/** The first characters of an id or digest, as commands show it. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);

/** Whether one of the texts, or of the labels as `name=value`, holds what is searched for, in capitals or not. */
export function holds(
  wanted: string,
  texts: readonly string[],
  labels: Record<string, string> | null | undefined,
): boolean {
  const small = wanted.toLowerCase();
  const written = Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return [...texts, ...written].some((text) => text.toLowerCase().includes(small));
}

/** Text of at most so many characters; a longer one says how long it is. */
export const clipped = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;

/**
 * Text as it is, but for characters that would act instead of show: controls, those that turn the direction of what
 * follows, and those that take no room. The page's text nodes never are markup; this is for names that pretend to be others.
 */
export const visible = (text: string): string =>
  text.replaceAll(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    '\ufffd',
  );
