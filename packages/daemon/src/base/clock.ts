const base = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** The wall clock in nanoseconds since the epoch, in steps finer than a millisecond. */
export function nowNanos(): bigint {
  const precise = base + process.hrtime.bigint();
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
