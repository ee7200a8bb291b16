/** Units of durations as the engine writes them, each up to the next: `About a minute`, `3 weeks`. */
const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;
const UNITS: Record<string, number> = {
  second: 1,
  minute: MINUTE,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
  month: 30 * DAY,
  year: 365 * DAY,
};

/** Seconds of a duration in words, the least that they can stand for. */
function secondsOf(words: string): number | undefined {
  if (words === 'Less than a second') return 0;
  const [, count, unit] =
    /^(?:About )?(\d+|an?) (second|minute|hour|day|week|month|year)s?$/.exec(words) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  return (/^a/.test(count) ? 1 : Number(count)) * UNITS[unit]!;
}

/** A duration in the words of the engine (go-units, HumanDuration). */
function inWords(seconds: number): string {
  const whole = (size: number, unit: string) => `${Math.floor(seconds / size)} ${unit}s`;
  if (seconds < 1) return 'Less than a second';
  if (seconds < 2) return '1 second';
  if (seconds < MINUTE) return whole(1, 'second');
  if (seconds < 2 * MINUTE) return 'About a minute';
  if (seconds < HOUR) return whole(MINUTE, 'minute');
  if (seconds < 2 * HOUR) return 'About an hour';
  if (seconds < 2 * DAY) return whole(HOUR, 'hour');
  if (seconds < 14 * DAY) return whole(DAY, 'day');
  if (seconds < 60 * DAY) return whole(7 * DAY, 'week');
  if (seconds < 730 * DAY) return whole(30 * DAY, 'month');
  return whole(365 * DAY, 'year');
}

/**
 * The status of a container, `Up 6 seconds (healthy)` or `Exited (0) 2 hours ago`, as it would be told `later` seconds
 * after it was: the engine tells it with each change, and time goes on without any.
 */
export function statusLater(status: string, later: number): string {
  const [, head, words, tail] =
    /^(Up |(?:Exited|Restarting) \(-?\d+\) )((?:Less than|About )?[\w ]+?)( ago)?(?= \(|$)/.exec(status) ??
    [];
  const seconds = words === undefined ? undefined : secondsOf(words);
  if (later < 1 || head === undefined || seconds === undefined) return status;
  return `${head}${inWords(seconds + later)}${tail ?? ''}${status.slice(head.length + words!.length + (tail ?? '').length)}`;
}
