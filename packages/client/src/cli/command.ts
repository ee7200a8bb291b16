import { CliError } from '../base/errors.ts';
import type { FlagTable, FlagValues } from '../base/flags.ts';
import type { Cli } from './cli.ts';

/** The flags, arguments and connections that a command is run with. */
export interface Invocation<F extends FlagTable> {
  readonly cli: Cli;
  readonly flags: FlagValues<F>;
  /** The flags that were written on the command line. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** As typed: `berth container ls`. */
  readonly path: string;
}

export interface CommandSpec<F extends FlagTable> {
  /** The usage line after the command's name; several lines when it can be called in several ways. */
  readonly use: string;
  /** One line: what it does. */
  readonly about: string;
  /** More paragraphs for the help. */
  readonly more?: string;
  /** All the ways to call it, for the help. */
  readonly aliases?: readonly string[];
  readonly args: ArgumentRule;
  readonly flags: F;
  /** False for commands whose arguments are a command line of their own. */
  readonly interspersed?: boolean;
  /** Exit code of mistakes on the command line; Docker's `run` and `exec` have 125 and 1. */
  readonly usageExit?: number;
  /** Other spellings of a flag. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Flags that cannot be given together. */
  run(invocation: Invocation<F>): Promise<void>;
}

/** A command of whatever flags. */
export type AnyCommand = CommandSpec<FlagTable>;

/** Gives a command's flags their types. */
export function command<F extends FlagTable>(spec: CommandSpec<F>): CommandSpec<F> {
  return spec;
}

/** Returns what is wrong with the number of arguments (`requires exactly 1 argument.`), or nothing. */
export type ArgumentRule = (count: number) => string | undefined;

const plural = (count: number) => `${count} argument${count === 1 ? '' : 's'}`;

/** No arguments. */
export const noArgs: ArgumentRule = (count) => (count > 0 ? 'accepts no arguments.' : undefined);
/** Any number of arguments. */
export const anyArgs: ArgumentRule = () => undefined;
/** So many arguments. */
export const exactly =
  (wanted: number): ArgumentRule =>
  (count) =>
    count === wanted ? undefined : `requires exactly ${plural(wanted)}.`;
/** So many arguments or more. */
export const atLeast =
  (least: number): ArgumentRule =>
  (count) =>
    count >= least ? undefined : `requires at least ${plural(least)}.`;
/** So many arguments or fewer. */
export const atMost =
  (most: number): ArgumentRule =>
  (count) =>
    count <= most ? undefined : `requires at most ${plural(most)}.`;
/** From `least` to `most` arguments. */
export const between =
  (least: number, most: number): ArgumentRule =>
  (count) =>
    count >= least && count <= most ? undefined : `requires at least ${least} and at most ${most} arguments.`;

/**
 * Runs `work` for each name, prints each name that went well (but for those whose work gave `false`), and ends with
 * the errors of all the others, one a line, as Docker's commands for several containers do.
 */
export async function forEach(
  cli: Cli,
  names: readonly string[],
  work: (name: string) => Promise<unknown>,
  parallel = true,
): Promise<void> {
  const errors: string[] = [];
  const report = async (name: string, pending: Promise<unknown>): Promise<void> => {
    try {
      if ((await pending) !== false) cli.print(`${name}\n`);
    } catch (error) {
      if (error instanceof CliError && error.exitCode !== 1) throw error;
      errors.push((error as Error).message);
    }
  };
  if (parallel && names.length > 1) {
    // At most fifty at once, reported in the order of the command line.
    const started: Promise<unknown>[] = [];
    const slots = Array.from({ length: Math.min(50, names.length) }, () =>
      Promise.resolve<unknown>(undefined),
    );
    names.forEach((name, index) => {
      const slot = index % slots.length;
      const next = slots[slot]!.then(() => work(name));
      slots[slot] = next.catch(() => undefined);
      next.catch(() => undefined);
      started.push(next);
    });
    for (const [index, name] of names.entries()) await report(name, started[index]!);
  } else for (const name of names) await report(name, work(name));
  if (errors.length) throw new CliError(errors.join('\n'));
}
