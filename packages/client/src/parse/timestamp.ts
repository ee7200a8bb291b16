import { parseDuration } from './units.ts';

/** Layouts by Go's reference time, for the messages of what could not be read. */
const zoneLayout = 'Z07:00';

/**
 * The value of `--since` and `--until` as the API takes it: seconds since 1970 with a fraction. Reads a Go duration
 * (`42m`, so long ago), a date with or without time and zone, or such seconds. Throws with Docker's reason.
 */
export function timestamp(value: string, now = Date.now()): string {
  if (value !== '0')
    try {
      return String(Math.floor((now - parseDuration(value) / 1e6) / 1000));
    } catch {
      // not a duration
    }
  const found = dateOf(value);
  if (found) return found;
  if (value.includes('-')) throw new Error(`parsing time ${JSON.stringify(value)}${whyNoTime(value)}`);
  if (!/^-?\d+(\.\d{1,9})?$/.test(value))
    throw new Error(`failed to parse value as time or duration: ${JSON.stringify(value)}`);
  return value;
}

const hasZone = (value: string): boolean => /[zZ+]/.test(value) || value.split('-').length === 4;

function layoutOf(value: string): string {
  const zone = hasZone(value) ? zoneLayout : '';
  if (value.includes('.')) return `2006-01-02T15:04:05.999999999${zone}`;
  if (!value.includes('T')) return `2006-01-02${zone}`;
  const colons = (/T([^zZ+-]*)/.exec(value)?.[1] ?? '').split(':').length;
  return `2006-01-02T${['15', '15:04', '15:04:05'][Math.min(colons, 3) - 1]}${zone}`;
}

/** The parts of Go's layout, what each matches, and what is too large for it. */
const layoutParts: readonly [
  layout: string,
  pattern: RegExp,
  wrong?: (text: string) => string | undefined,
][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d{2}/, (text) => (+text < 1 || +text > 12 ? 'month' : undefined)],
  ['-', /^-/],
  ['02', /^\d{2}/, (text) => (+text < 1 || +text > 31 ? 'day' : undefined)],
  ['T', /^T/],
  ['15', /^\d{1,2}/, (text) => (+text > 23 ? 'hour' : undefined)],
  [':', /^:/],
  ['04', /^\d{2}/, (text) => (+text > 59 ? 'minute' : undefined)],
  [':', /^:/],
  ['05', /^\d{2}(\.\d+)?/, (text) => (+text >= 60 ? 'second' : undefined)],
  [zoneLayout, /^(Z|[+-]\d{2}:\d{2})/],
];

/** The parts of a layout: of its date, then as far into the time as it goes, then the zone. */
function partsOf(layout: string): typeof layoutParts {
  const time = layout.includes('T')
    ? 2 * layout.split(':').length - (layout.endsWith(zoneLayout) ? 2 : 0)
    : 0;
  return [
    ...layoutParts.slice(0, 5),
    ...layoutParts.slice(5, 5 + time),
    ...(layout.endsWith(zoneLayout) ? layoutParts.slice(-1) : []),
  ];
}

/** Go's reason why a text is no time, as it stands after the text itself. */
function whyNoTime(value: string): string {
  const layout = layoutOf(value);
  let rest = value;
  for (const [part, pattern, wrong] of partsOf(layout)) {
    const match = pattern.exec(rest);
    if (!match)
      return ` as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(part)}`;
    const name = wrong?.(match[0]);
    if (name) return `: ${name} out of range`;
    rest = rest.slice(match[0].length);
  }
  return rest ? `: extra text: ${JSON.stringify(rest)}` : ': day out of range';
}

const datePattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d{2}:\d{2})?$/;

function dateOf(value: string): string | undefined {
  const match = datePattern.exec(value);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day < 1 || day > days || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const zone = match[8];
  let milliseconds: number;
  if (zone === undefined) milliseconds = new Date(year, month - 1, day, hour, minute, second).getTime();
  else {
    const offset =
      zone === 'Z' ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
    milliseconds = Date.UTC(year, month - 1, day, hour, minute - offset, second);
  }
  return `${Math.floor(milliseconds / 1000)}.${(match[7] ?? '').padEnd(9, '0')}`;
}
