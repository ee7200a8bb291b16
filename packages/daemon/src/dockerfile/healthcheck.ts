import { durationFault, formatDuration, parseDuration } from '../base/durations.ts';
import { parseError } from './errors.ts';
import type { Healthcheck, Instruction } from './types.ts';

const MINIMUM = 1_000_000n; // ns; shorter ones Docker refuses

const TIMES = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
} as const;

/** Parses a HEALTHCHECK. @throws invalid-parameter with dockerd's texts. */
export function parseHealthcheck({ args, json, flags, line }: Instruction): Healthcheck {
  const [type, ...command] = args;
  if (type === undefined) throw parseError(line, 'HEALTHCHECK requires at least one argument');
  if (type.toUpperCase() === 'NONE') {
    if (command.length > 0) throw parseError(line, 'HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (type.toUpperCase() !== 'CMD')
    throw parseError(line, `Unknown type ${JSON.stringify(type.toUpperCase())} in HEALTHCHECK (try CMD)`);
  if (command.length === 0) throw parseError(line, 'Missing command after HEALTHCHECK CMD');
  const check: Healthcheck = { Test: [json ? 'CMD' : 'CMD-SHELL', ...command] };
  const given = (name: string) => flags.find((flag) => flag.name === name)?.value;
  for (const [name, member] of Object.entries(TIMES)) {
    const value = duration(given(name), name, line);
    if (value !== undefined) check[member] = value;
  }
  const retries = given('retries') ?? '';
  if (retries === '') return check;
  if (!/^[+-]?\d+$/.test(retries))
    throw parseError(line, `strconv.ParseInt: parsing ${JSON.stringify(retries)}: invalid syntax`);
  const count = Number(retries);
  if (count > 0x7fffffff || count < -0x80000000)
    throw parseError(line, `strconv.ParseInt: parsing ${JSON.stringify(retries)}: value out of range`);
  if (count < 0) throw parseError(line, `--retries cannot be negative (${count})`);
  check.Retries = count;
  return check;
}

function duration(text: string | undefined, flag: string, line: number): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = parseDuration(text);
  if (value === undefined) throw parseError(line, durationFault(text));
  if (value !== 0n && value < MINIMUM)
    throw parseError(line, `Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
  return Number(value);
}

const RUNES: Record<number, string> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  39: "\\'",
  92: '\\\\',
};

/** A health check as Go prints its structure with `%q`: that is how the history of dockerd's images has it. */
export function printHealthcheck(check: Healthcheck): string {
  const times = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval].map(
    (time) => `"${formatDuration(time ?? 0)}"`,
  );
  const retries = check.Retries ?? 0;
  const rune =
    RUNES[retries] ??
    (retries < 32 || retries === 127
      ? `\\x${retries.toString(16).padStart(2, '0')}`
      : String.fromCodePoint(Math.min(retries, 0x10ffff)));
  const test = (check.Test ?? []).map((word) => JSON.stringify(word));
  return `&{[${test.join(' ')}] ${times.join(' ')} '${rune}'}`;
}
