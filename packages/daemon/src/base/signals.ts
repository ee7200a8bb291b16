import { constants } from 'node:os';
import { invalidParameter } from './errors.ts';

const REALTIME_FIRST = 34;
const REALTIME_LAST = 64;

/** Numbers of Linux' signals by name without SIG; the real-time ones as RTMIN+n and RTMAX-n. */
const NUMBERS: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>();
  for (const [name, number] of Object.entries(constants.signals)) map.set(name.slice(3), number);
  map.set('CLD', constants.signals.SIGCHLD);
  map.set('POLL', constants.signals.SIGPOLL);
  map.set('STKFLT', 16);
  for (let n = 0; n <= 15; n += 1) map.set(n === 0 ? 'RTMIN' : `RTMIN+${n}`, REALTIME_FIRST + n);
  for (let n = 0; n <= 14; n += 1) map.set(n === 0 ? 'RTMAX' : `RTMAX-${n}`, REALTIME_LAST - n);
  return map;
})();

/**
 * The number of a signal given as name (with or without SIG, any case) or number.
 * @throws invalid-parameter `invalid signal: x`
 */
export function parseSignal(text: string): number {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number === 0) throw invalidParameter(`invalid signal: ${text}`);
    return number;
  }
  const name = text.toUpperCase();
  const number = NUMBERS.get(name.startsWith('SIG') ? name.slice(3) : name);
  if (number === undefined) throw invalidParameter(`invalid signal: ${text}`);
  return number;
}

/** Whether a number is a signal that Linux knows. */
export function isKnownSignal(number: number): boolean {
  return (number >= 1 && number <= 31) || (number >= REALTIME_FIRST && number <= REALTIME_LAST);
}
