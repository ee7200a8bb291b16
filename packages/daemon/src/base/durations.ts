const UNITS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  // U+00B5, the micro sign, and U+03BC, the Greek letter.
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const LONGEST = 128;
/** Go holds a duration in an int64. */
const MOST = 2n ** 63n - 1n;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

/** Nanoseconds of a Go duration (`1h30m`, `10.5s`, `.5s`); undefined when it is none, or longer than 292 years. */
export function parseDuration(text: string): bigint | undefined {
  const sign = text.startsWith('-') ? -1n : 1n;
  const rest = text.replace(/^[-+]/, '');
  if (rest === '0') return 0n;
  // Longer than what Go's int64 holds, with many digits behind the point.
  if (rest.length > LONGEST) return undefined;
  let total = 0n;
  let at = 0;
  while (at < rest.length || at === 0) {
    PART.lastIndex = at;
    const part = PART.exec(rest);
    if (!part) return undefined;
    at = PART.lastIndex;
    const scale = UNITS[part[2]!]!;
    const [whole = '', fraction = ''] = part[1]!.split('.');
    total += BigInt(whole) * scale + (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  if (total > MOST + (sign < 0n ? 1n : 0n)) return undefined;
  return sign * total;
}

/** Why a text is no duration, in the words of Go's time.ParseDuration. */
export function durationFault(text: string): string {
  const quoted = JSON.stringify(text);
  const said = text.replace(/^[-+]/, '');
  let at = 0;
  while (at < said.length) {
    const number = /(?:\d+\.?\d*|\.\d+)/y;
    number.lastIndex = at;
    if (!number.test(said)) break;
    at = number.lastIndex;
    const unit = /[^.\d]*/y;
    unit.lastIndex = at;
    const [name = ''] = unit.exec(said) ?? [];
    if (name === '') return `time: missing unit in duration ${quoted}`;
    if (!Object.hasOwn(UNITS, name))
      return `time: unknown unit ${JSON.stringify(name)} in duration ${quoted}`;
    at = unit.lastIndex;
  }
  return `time: invalid duration ${quoted}`;
}

/** Nanoseconds as Go writes a duration: `1m30s`, `500ms`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9);
  const seconds = (nanoseconds % 60e9) / 1e9;
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`;
}
