import { type FlagTable, list } from '../../base/flags.ts';
import { Cli } from '../cli.ts';
import { globalFlags, parseGlobals } from '../globals.ts';
import { find, findTop, type Group, isGroup, type Leaf, type Tree } from '../nodes.ts';
import { argumentKinds, flagValues } from './kinds.ts';
import { type Candidate, lookUp } from './lookup.ts';
import { walk } from './walk.ts';

/** The words that may stand at the cursor. */
export interface Completion {
  candidates: Candidate[];
  /** The shell shall offer files too. */
  files: boolean;
}

const nothing: Completion = { candidates: [], files: false };

/** Completes the last of `words`, which follow the program's name. Never throws: a daemon that is away offers nothing. */
export async function complete(tree: Tree, words: readonly string[]): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const top = walk(globalFlags, before, false);
  if (top.pending) return flagValue(new Cli(optionsOf(before.slice(0, -1))), top.pending, current);
  const [first, ...rest] = top.rest;
  const cli = new Cli(optionsOf(before.slice(0, before.length - top.rest.length)));
  if (first === undefined)
    return current.startsWith('-') ? flags(cli, globalFlags, current) : names(tree, current, cli);
  const node = findTop(tree, first);
  if (!node) return nothing;
  if (!isGroup(node)) return leaf(cli, first, node, rest, current);
  const [second, ...further] = rest;
  if (second === undefined) return names(node.commands, current);
  const found = find(node.commands, second);
  return found ? leaf(cli, `${first} ${second}`, found, further, current) : nothing;
}

function optionsOf(words: readonly string[]) {
  try {
    return parseGlobals(words.length ? words : ['--']).options;
  } catch {
    return parseGlobals(['--']).options;
  }
}

/** Completes the arguments and flags of a command. */
async function leaf(
  cli: Cli,
  path: string,
  node: Leaf,
  words: readonly string[],
  current: string,
): Promise<Completion> {
  const spec = (await node.load()).default;
  const table = { help: list('', 'Show this help'), ...(spec.flags as FlagTable) };
  const { rest, pending, closed } = walk(spec.flags as FlagTable, words, spec.interspersed ?? true);
  if (pending) return flagValue(cli, pending, current);
  if (current.startsWith('-') && !closed) return flags(cli, table, current);
  const kinds = argumentKinds[path] ?? argumentKinds[path.split(' ').at(-1)!] ?? ['none'];
  const at = Math.min(rest.length, kinds.length - 1);
  const kind = kinds[at] === 'more' ? kinds[at - 1] : kinds[at];
  if (kind === undefined || kind === 'none' || kind === 'more') return nothing;
  if (kind === 'files') return { candidates: [], files: true };
  const found = (await lookUp(cli, kind, current)).filter(({ word }) => !rest.includes(word));
  return { candidates: matching(found, current), files: kind === 'copy' };
}

/** Completes the name of a command. */
async function names(
  commands: Readonly<Record<string, Leaf | Group>>,
  current: string,
  cli?: Cli,
): Promise<Completion> {
  const own = Object.entries(commands)
    .filter(([, node]) => !node.hidden)
    .map(([word, { about }]) => ({ word, about }));
  const plugins = cli ? (await import('../plugins.ts')).pluginNames(cli) : [];
  const more = plugins
    .filter((name) => !Object.hasOwn(commands, name))
    .map((word) => ({ word, about: 'Plugin' }));
  return { candidates: matching([...own, ...more], current), files: false };
}

/** Completes the name of a flag, or its value behind `=`. */
async function flags(cli: Cli, table: FlagTable, current: string): Promise<Completion> {
  const equals = current.indexOf('=');
  if (equals > 0) {
    const before = current.slice(0, equals + 1);
    const { candidates, files } = await flagValue(cli, before.slice(2, -1), current.slice(equals + 1));
    return { candidates: candidates.map((one) => ({ ...one, word: before + one.word })), files };
  }
  const found = Object.entries(table)
    .filter(([, flag]) => !flag.hidden)
    .flatMap(([name, { short, help }]) => [
      { word: `--${name}`, about: help },
      ...(short && current.length < 3 && !current.startsWith('--')
        ? [{ word: `-${short}`, about: help }]
        : []),
    ]);
  return { candidates: matching(found, current), files: false };
}

/** Completes the value of a flag. */
async function flagValue(cli: Cli, name: string, current: string): Promise<Completion> {
  const known = Object.hasOwn(flagValues, name) ? flagValues[name] : undefined;
  if (known === undefined) return { candidates: [], files: true };
  const found =
    typeof known === 'string' ? await lookUp(cli, known, current) : known.map((word) => ({ word }));
  return { candidates: matching(found, current), files: known === 'volume' };
}

const matching = (candidates: readonly Candidate[], current: string): Candidate[] =>
  candidates.filter(({ word }) => word.startsWith(current));
