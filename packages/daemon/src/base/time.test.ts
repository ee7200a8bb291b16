import { parseDuration } from './durations.ts';
import { nowNanos, parseRfc3339, parseTimeFilter, parseUnixTime, rfc3339 } from './time.ts';

const SECOND = 1_000_000_000n;

test('times go there and back with nine digits, trailing zeros left off', () => {
  expect(rfc3339(1_700_000_000_123_456_789n)).toBe('2023-11-14T22:13:20.123456789Z');
  expect(rfc3339(1_700_000_000_120_000_000n)).toBe('2023-11-14T22:13:20.12Z');
  expect(rfc3339(1_700_000_000_000_000_000n)).toBe('2023-11-14T22:13:20Z');
  for (const nanos of [0n, 1n, 1_700_000_000_123_456_789n]) expect(parseRfc3339(rfc3339(nanos))).toBe(nanos);
  expect(parseRfc3339('2023-11-14T23:13:20+01:00')).toBe(1_700_000_000_000_000_000n);
  expect(parseRfc3339('yesterday')).toBeUndefined();
});

test('Unix times keep their fraction', () => {
  expect(parseUnixTime('1700000000.123456789')).toBe(1_700_000_000_123_456_789n);
  expect(parseUnixTime('1700000000.5')).toBe(1_700_000_000_500_000_000n);
  expect(parseUnixTime('x')).toBeUndefined();
});

test('durations are Go durations', () => {
  expect(parseDuration('1h30m')).toBe(5400n * SECOND);
  expect(parseDuration('1.5s')).toBe(1_500_000_000n);
  expect(parseDuration('250ms')).toBe(250_000_000n);
  expect(parseDuration('10')).toBeUndefined();
});

test('a filter takes a duration, a date or seconds', () => {
  const hour = nowNanos() - parseTimeFilter('1h')!;
  expect(hour > 3599n * SECOND && hour < 3660n * SECOND).toBe(true);
  expect(parseTimeFilter('2023-11-14')).toBe(1_699_920_000n * SECOND);
  expect(parseTimeFilter('2023-11-14T22:13')).toBe(1_699_999_980n * SECOND);
  expect(parseTimeFilter('junk')).toBeUndefined();
});
