import { refuse } from '../checks.ts';

/** The signals of the interface, at the index of their number there. */
const NAMES = [
  '',
  ...'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ'.split(
    ' ',
  ),
  'RTMIN',
  ...Array.from({ length: 15 }, (_, index) => `RTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `RTMAX-${14 - index}`),
  'RTMAX',
];

/** The engine's name of a signal; '' for the image's own, or the default. @throws invalid-parameter */
export function signalName(number: number, field: string): string {
  const name = NAMES[number];
  if (name === undefined) throw refuse(field, `${number} is none of its values`);
  return name && `SIG${name}`;
}

/** The number of a signal by the engine's name; 0 for none. */
export function signalNumber(name: string | undefined): number {
  return Math.max(0, NAMES.indexOf((name ?? '').replace(/^SIG/, '')));
}
