import { CliError, messageOf } from './base/errors.ts';
import { type FlagTable, parseFlags } from './base/flags.ts';
import { visible } from './base/visible.ts';
import { Cli, program } from './cli/cli.ts';
import type { AnyCommand } from './cli/command.ts';
import { parseGlobals, type TopLevel } from './cli/globals.ts';
import { find, findTop, type Group, isGroup, type Leaf } from './cli/nodes.ts';
import { tree } from './tree/tree.ts';

/** Runs the command line `argv` and returns the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  let top: TopLevel;
  try {
    top = parseGlobals(argv);
  } catch (error) {
    const { topHelp } = await import('./tree/top-help.ts');
    process.stderr.write(`${visible(messageOf(error))}\nSee '${program} --help'.\n${topHelp(80)}\n`);
    return 125;
  }
  const cli = new Cli(top.options);
  try {
    await dispatch(cli, top);
    const code = Number(process.exitCode ?? 0);
    if (code !== 0) await hint(cli);
    return code;
  } catch (error) {
    if (error instanceof CliError) {
      if (error.message) cli.warn(`${error.message}\n`);
      await hint(cli);
      return error.exitCode;
    }
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 141;
    cli.warn(`${top.options.debug && error instanceof Error ? error.stack : messageOf(error)}\n`);
    return 1;
  } finally {
    await cli.close();
  }
}

/** A person reads them; programs compare texts. `BERTH_HINTS` decides otherwise: 1, or 0. */
function hintsWanted({ env, stderrIsTerminal }: Cli): boolean {
  const asked = env['BERTH_HINTS'];
  return asked === undefined || asked === '' ? stderrIsTerminal : asked !== '0';
}

/** Says what can be done about a failure that the command has told of. */
async function hint(cli: Cli): Promise<void> {
  if (cli.told === '' || !hintsWanted(cli)) return;
  const text = (await import('./cli/hints.ts')).hintFor(cli.told);
  if (text) cli.warn(`hint: ${text}\n`);
}

async function dispatch(cli: Cli, top: TopLevel): Promise<void> {
  let words = top.rest;
  // The front (packages/native/front) has told of a failure itself.
  if (words[0] === '__hint') {
    cli.told = words[2] ?? '';
    process.exitCode = Number(words[1]);
    return;
  }
  if (top.version) {
    cli.print(`Berth version ${(await import('./cli/version.ts')).clientVersion}\n`);
    return;
  }
  const help = top.help || words.length === 0;
  if (words[0] === 'help') words = [...words.slice(1), '--help'];
  else if (help) words = [...words, '--help'];
  const [first, ...rest] = words;
  if (first === undefined || first === '--help') {
    cli.print(`${(await import('./tree/top-help.ts')).topHelp(cli.columns())}\n`);
    return;
  }
  const node = findTop(tree, first);
  if (!node) {
    const { runPlugin } = await import('./cli/plugins.ts');
    if (await runPlugin(cli, first, rest)) return;
    const { elsewhere } = await import('./tree/elsewhere.ts');
    const { unknownCommand } = await import('./tree/suggest.ts');
    throw elsewhere(first) ?? unknownCommand(first);
  }
  if (!isGroup(node)) return runLeaf(cli, `${program} ${first}`, node, rest);
  return runGroup(cli, `${program} ${first}`, node, rest);
}

async function runGroup(cli: Cli, path: string, group: Group, words: readonly string[]): Promise<void> {
  const [name, ...rest] = words;
  const leaf = name === undefined ? undefined : find(group.commands, name);
  if (leaf && name !== undefined) return runLeaf(cli, `${path} ${name}`, leaf, rest);
  const { groupHelp, unknownSubcommand } = await import('./tree/top-help.ts');
  if (name === undefined) {
    cli.warn(groupHelp(path, group));
    return;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    cli.print(groupHelp(path, group));
    return;
  }
  throw unknownSubcommand(path, group, name);
}

async function runLeaf(cli: Cli, path: string, leaf: Leaf, words: readonly string[]): Promise<void> {
  const spec: AnyCommand = (await leaf.load()).default;
  let parsed: ReturnType<typeof parseFlags<FlagTable>>;
  try {
    parsed = parseFlags(spec.flags as FlagTable, words, spec.interspersed ?? true, spec.renamed);
  } catch (error) {
    throw new CliError(`${messageOf(error)}\nSee '${path} --help'.`, 125);
  }
  if (parsed.help) {
    const { commandHelp } = await import('./cli/help.ts');
    cli.print(commandHelp(path, spec, cli.columns()));
    return;
  }
  const wrong = spec.args(parsed.args.length);
  if (wrong) {
    const { usageLine } = await import('./cli/help.ts');
    throw new CliError(
      `"${path}" ${wrong}\nSee '${path} --help'.\n\n${usageLine(path, spec)}\n\n${spec.about}`,
    );
  }
  await spec.run({ cli, path, flags: parsed.flags, given: parsed.given, args: parsed.args });
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${visible(messageOf(error))}\n`);
    process.exit(1);
  },
);
