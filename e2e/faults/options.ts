import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** The options of one of the rig's programs. Prints `help` and ends where it is asked for, or where an option is none. */
export function options<T extends ParseArgsOptionsConfig>(help: string, known: T) {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    console.log(help);
    process.exit(0);
  }
  try {
    return parseArgs({ options: known }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`);
    process.exit(2);
  }
}
