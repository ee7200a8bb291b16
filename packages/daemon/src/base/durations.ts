const UNITS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const LONGEST = 128;

/** Nanoseconds of a Go duration (`1h30m`, `10.5s`); undefined when it is none. */
export function parseDuration(text: string): bigint | undefined {
  const sign = text.startsWith('-') ? -1n : 1n;
  const rest = text.replace(/^[-+]/, '');
  if (rest === '0') return 0n;
  // Longer than what Go's int64 holds, with many digits behind the point.
  if (rest.length > LONGEST) return undefined;
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(rest)) return undefined;
  let total = 0n;
  for (const [, whole, fraction = '', unit] of rest.matchAll(/(\d+)(?:\.(\d*))?(ns|us|µs|ms|s|m|h)/g)) {
    const scale = UNITS[unit!]!;
    total += BigInt(whole!) * scale;
    if (fraction) total += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  return sign * total;
}
