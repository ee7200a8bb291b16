import { constants } from 'node:os';

/** Meanings of exit codes that shells and sysexits.h agree on. */
const CODES: Record<number, string> = {
  1: 'an error of its own kind',
  2: 'wrong use: a flag or argument it does not know, or a mistake in a shell script',
  64: 'wrong command line (EX_USAGE)',
  65: 'wrong data (EX_DATAERR)',
  66: 'an input that is missing (EX_NOINPUT)',
  69: 'a service that is not available (EX_UNAVAILABLE)',
  70: 'a mistake inside the program (EX_SOFTWARE)',
  71: 'an error of the operating system (EX_OSERR)',
  73: 'a file that cannot be made (EX_CANTCREAT)',
  74: 'an error of input or output (EX_IOERR)',
  75: 'a failure that may pass (EX_TEMPFAIL)',
  77: 'a permission that it lacks (EX_NOPERM)',
  78: 'a wrong configuration (EX_CONFIG)',
  126: 'a command that was found and cannot be executed',
  127: 'a command that was not found',
  255: 'an exit status out of range, or an error of its own kind',
};

/** The meaning of an exit code; of one beyond 128 the signal's. */
export const meaningOf = (code: number): string => CODES[code] ?? 'an error of its own kind';

/** The name of the signal that a code beyond 128 stands for. */
export function signalOf(code: number): string | undefined {
  const number = code - 128;
  if (number < 1 || number > 31) return undefined;
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}

/** Signals by which the kernel ends a program for a mistake of its own. */
export const FAULTS: Record<string, string> = {
  SIGSEGV: 'it used memory that is not its own',
  SIGBUS: 'it used memory behind which there is no file any more',
  SIGILL: 'it has an instruction that this processor does not know',
  SIGFPE: 'it divided by zero or the like',
  SIGABRT: 'it gave up by itself (abort): an assertion failed, or its memory was damaged',
  SIGSYS: 'it made a system call that seccomp kills for',
  SIGTRAP: 'it met a breakpoint',
};
