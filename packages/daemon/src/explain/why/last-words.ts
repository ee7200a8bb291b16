import { posix } from 'node:path';
import type { Inquiry } from './inquiry.ts';
import { lookInRoot } from './program.ts';
import { REASONS } from './reasons.ts';
import { notForPrograms, whyNotExecuted } from './start.ts';

/** Why a program ended with an error, by the last lines that it wrote. Returns whether they tell. */
export async function lastWords(inquiry: Inquiry, lines: readonly string[], code: number): Promise<boolean> {
  if ((code === 126 || code === 127) && (await notExecutedByShell(inquiry, lines))) return true;
  for (const { pattern, cause, text, advice } of REASONS)
    for (const line of lines) {
      const found = pattern.exec(line);
      const told = found && text(found, inquiry);
      if (!told) continue;
      inquiry.answer(cause, `Its program ended with exit code ${code}: ${told}.`, advice);
      return true;
    }
  return false;
}

/**
 * A path with a colon behind it, as shells begin a complaint. The lookahead finds the slash once: programs write what they
 * like, and a pattern that tries each of a line of slashes takes minutes.
 */
const PATH = String.raw`(?:^|[\s:])(?=[^\s:/]*/[^\s:])([^\s:]+): `;

/** A shell's complaint about a command, and the kernel's reason that stands behind it. */
const COMPLAINTS: Array<[pattern: RegExp, error: string]> = [
  [new RegExp(`${PATH}(?:line )?1: .*ELF`), 'exec format error'],
  [new RegExp(`${PATH}.*(?:Exec format error|cannot execute binary file)`, 'i'), 'exec format error'],
  [new RegExp(`${PATH}.*Permission denied`, 'i'), 'permission denied'],
  [
    new RegExp(
      `${PATH}.*(?:not found|No such file or directory|bad interpreter|required file not found)`,
      'i',
    ),
    'no such file or directory',
  ],
];

/** The commands that a shell complains of in a line, each with the reason behind it. */
export function complaintsIn(line: string): Array<{ named: string; error: string }> {
  return COMPLAINTS.flatMap(([pattern, error]) => {
    const named = pattern.exec(line)?.[1];
    return named === undefined ? [] : [{ named, error }];
  });
}

const ENV = /\benv: (?:can't execute )?['"‘]?([^'"’:]+?)(\\r|\r)?['"’]?: No such file or directory/;

/** A program that a shell, or env, did not find or execute, is looked at: what they say hides the reason. */
async function notExecutedByShell(inquiry: Inquiry, lines: readonly string[]): Promise<boolean> {
  const { rooms, container } = inquiry;
  const { id, config } = container.record;
  for (const line of lines) {
    const byEnv = ENV.exec(line);
    if (byEnv) {
      inquiry.answer(
        'interpreter-missing',
        byEnv[2]
          ? `A script has line ends of Windows: env looks for an interpreter ${byEnv[1]} whose name ends in a carriage return.`
          : `The interpreter ${byEnv[1]}, which a script asks env for, is in no folder of its PATH.`,
        byEnv[2] ? 'Save the script with line ends of Unix.' : 'Install the interpreter in the image.',
      );
      return true;
    }
    if (/\.so\b/.test(line)) continue;
    for (const { named, error } of complaintsIn(line)) {
      const path = posix.resolve(config.WorkingDir || '/', named);
      if (error === 'permission denied' && notForPrograms(inquiry, path)) return true;
      // One that is not there is a command that was not found, as its code says.
      if (!(await lookInRoot(rooms, id, path))) continue;
      await whyNotExecuted(inquiry, error, path);
      return true;
    }
  }
  return false;
}
