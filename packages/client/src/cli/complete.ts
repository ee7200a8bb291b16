import type { Routes, SentQueryOf } from '@berth/api-spec';
import { type FlagTable, list } from '../base/flags.ts';
import type { Query } from '../transport/api.ts';
import { Cli } from './cli.ts';
import { globalFlags, parseGlobals } from './globals.ts';
import { find, findTop, type Group, isGroup, type Leaf, type Tree } from './nodes.ts';

/** One completion that may stand at the cursor. */
export interface Candidate {
  word: string;
  about?: string;
}

export interface Completion {
  candidates: Candidate[];
  /** The shell shall offer files too. */
  files: boolean;
}

type Source =
  | 'running'
  | 'paused'
  | 'stopped'
  | 'container'
  | 'image'
  | 'network'
  | 'volume'
  | 'secret'
  | 'config'
  | 'context'
  | 'any'
  | 'copy';

/**
 * The kind of each argument of a command: one for each place, the last for all that follow; `+` ends with more of it.
 */
const argumentKinds: Record<string, readonly (Source | 'files' | 'none' | 'more')[]> = {
  attach: ['running', 'none'],
  build: ['files', 'none'],
  commit: ['container', 'image', 'none'],
  cp: ['copy', 'copy', 'none'],
  create: ['image', 'files', 'more'],
  diff: ['container', 'none'],
  exec: ['running', 'files', 'more'],
  export: ['container', 'none'],
  history: ['image', 'none'],
  images: ['image', 'none'],
  import: ['files', 'none'],
  inspect: ['any', 'more'],
  kill: ['running', 'more'],
  logs: ['container', 'none'],
  pause: ['running', 'more'],
  port: ['running', 'none'],
  ps: ['none'],
  pull: ['image', 'none'],
  push: ['image', 'none'],
  rename: ['container', 'none'],
  restart: ['container', 'more'],
  rm: ['container', 'more'],
  rmi: ['image', 'more'],
  run: ['image', 'files', 'more'],
  save: ['image', 'more'],
  start: ['stopped', 'more'],
  stats: ['running', 'more'],
  stop: ['running', 'more'],
  tag: ['image', 'none'],
  top: ['running', 'none'],
  unpause: ['paused', 'more'],
  update: ['container', 'more'],
  wait: ['container', 'more'],
  'container inspect': ['container', 'more'],
  'checkpoint create': ['running', 'none'],
  'checkpoint ls': ['container', 'none'],
  'checkpoint rm': ['container', 'none'],
  'config create': ['none', 'files', 'none'],
  'config inspect': ['config', 'more'],
  'config rm': ['config', 'more'],
  'context export': ['context', 'files', 'none'],
  'context import': ['none', 'files', 'none'],
  'context inspect': ['context', 'more'],
  'context rm': ['context', 'more'],
  'context update': ['context', 'none'],
  'context use': ['context', 'none'],
  'image analyze': ['image', 'none'],
  'image inspect': ['image', 'more'],
  'image rm': ['image', 'more'],
  'network connect': ['network', 'container', 'none'],
  'network disconnect': ['network', 'container', 'none'],
  'network inspect': ['network', 'more'],
  'network rm': ['network', 'more'],
  'secret create': ['none', 'files', 'none'],
  'secret inspect': ['secret', 'more'],
  'secret rm': ['secret', 'more'],
  'volume clone': ['volume', 'none'],
  'volume export': ['volume', 'none'],
  'volume import': ['volume', 'files', 'none'],
  'volume snapshot': ['volume', 'none'],
  'volume inspect': ['volume', 'more'],
  'volume rm': ['volume', 'more'],
};

const signals = ['HUP', 'INT', 'QUIT', 'KILL', 'USR1', 'USR2', 'TERM', 'STOP', 'CONT'].map(
  (name) => `SIG${name}`,
);

/** Values of flags that are known. */
const flagValues: Record<string, readonly string[] | Source> = {
  attach: ['stdin', 'stdout', 'stderr'],
  cgroupns: ['host', 'private'],
  context: 'context',
  format: ['json', 'table'],
  ipc: ['none', 'private', 'shareable', 'host'],
  'log-driver': ['awslogs', 'fluentd', 'gelf', 'journald', 'json-file', 'local', 'none', 'splunk', 'syslog'],
  'log-level': ['debug', 'info', 'warn', 'error', 'fatal'],
  network: 'network',
  pid: ['host'],
  progress: ['auto', 'plain', 'tty'],
  pull: ['always', 'missing', 'never'],
  restart: ['no', 'always', 'on-failure', 'unless-stopped'],
  secret: 'secret',
  signal: signals,
  'stop-signal': signals,
  type: ['container', 'image', 'network', 'volume'],
  userns: ['host'],
  uts: ['host'],
  volume: 'volume',
  'volumes-from': 'container',
};

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

interface Walked {
  /** The words that are no flags nor their values. */
  rest: readonly string[];
  /** The flag whose value comes next. */
  pending?: string;
  /** Only arguments can follow. */
  closed: boolean;
}

/** Looks over the words before the cursor. Without `interspersed` everything after the first argument is one. */
function walk(table: FlagTable, words: readonly string[], interspersed: boolean): Walked {
  const rest: string[] = [];
  const byShort = (letter: string) => Object.keys(table).find((name) => table[name]!.short === letter);
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') return { rest: [...rest, ...words.slice(at + 1)], closed: true };
    if (!word.startsWith('-') || word === '-') {
      if (!interspersed) return { rest: words.slice(at), closed: true };
      rest.push(word);
      continue;
    }
    if (word.includes('=')) continue;
    let name: string | undefined = word.slice(2);
    if (!word.startsWith('--')) {
      const letters = [...word.slice(1)];
      const taker = letters.findIndex((letter) => table[byShort(letter) ?? '']?.bare === undefined);
      // The letters after this one are its value already.
      if (taker < 0 || taker < letters.length - 1) continue;
      name = byShort(letters[taker]!) ?? '';
    }
    const flag = name === undefined ? undefined : table[name];
    if (!flag || flag.bare !== undefined) continue;
    if (++at >= words.length) return { rest, pending: name, closed: false };
  }
  return { rest, closed: false };
}

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

const matching = (candidates: readonly Candidate[], current: string): Candidate[] =>
  candidates.filter(({ word }) => word.startsWith(current));

async function names(
  commands: Readonly<Record<string, Leaf | Group>>,
  current: string,
  cli?: Cli,
): Promise<Completion> {
  const own = Object.entries(commands)
    .filter(([, node]) => !node.hidden)
    .map(([word, { about }]) => ({ word, about }));
  const plugins = cli ? (await import('./plugins.ts')).pluginNames(cli) : [];
  const more = plugins
    .filter((name) => !Object.hasOwn(commands, name))
    .map((word) => ({ word, about: 'Plugin' }));
  return { candidates: matching([...own, ...more], current), files: false };
}

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

async function flagValue(cli: Cli, name: string, current: string): Promise<Completion> {
  const known = flagValues[name];
  if (known === undefined) return { candidates: [], files: true };
  const found =
    typeof known === 'string' ? await lookUp(cli, known, current) : known.map((word) => ({ word }));
  return { candidates: matching(found, current), files: known === 'volume' };
}

/** A daemon that does not answer within so many milliseconds offers nothing. */
const patience = 2000;

async function lookUp(cli: Cli, source: Source, current: string): Promise<Candidate[]> {
  try {
    if (source === 'context') {
      const { ContextStore } = await import('../config/context.ts');
      const known = new ContextStore(cli.contextFolder, cli.configFolder).list();
      return [
        { word: 'default' },
        ...known.map(({ Name, Metadata }) => ({ word: Name, about: Metadata.Description })),
      ];
    }
    const api = await cli.api();
    const signal = AbortSignal.timeout(patience);
    const get = <
      Id extends 'ContainerList' | 'ImageList' | 'NetworkList' | 'VolumeList' | 'SecretList' | 'ConfigList',
    >(
      path: Routes[Id]['path'],
      query?: Query & SentQueryOf<Id>,
    ) => api.json<Id>('GET', path, { query, signal });
    const containers = async (status: string[]): Promise<Candidate[]> =>
      (
        await get<'ContainerList'>('/containers/json', {
          all: true,
          ...(status.length ? { filters: JSON.stringify({ status }) } : {}),
        })
      ).map(({ Names, Image, Status }) => ({
        word: Names.find((name) => !name.slice(1).includes('/'))?.slice(1) ?? '',
        about: `${Image}, ${Status}`,
      }));
    switch (source) {
      case 'running':
        return await containers(['running', 'paused']);
      case 'paused':
        return await containers(['paused']);
      case 'stopped':
        return await containers(['created', 'exited']);
      case 'container':
        return await containers([]);
      case 'copy':
        return current.includes('/')
          ? []
          : (await containers([])).map(({ word, about }) => ({ word: `${word}:`, about }));
      case 'image':
        return (await get<'ImageList'>('/images/json')).flatMap(({ RepoTags }) =>
          (RepoTags ?? []).map((tag) => ({
            word: current.includes(':') ? tag : tag.replace(/:latest$/, ''),
          })),
        );
      case 'network':
        return (await get<'NetworkList'>('/networks')).map(({ Name, Driver }) => ({
          word: Name,
          about: Driver,
        }));
      case 'volume':
        return ((await get<'VolumeList'>('/volumes')).Volumes ?? []).map(({ Name }) => ({
          word: Name,
        }));
      case 'secret':
      case 'config':
        return (await get<'SecretList' | 'ConfigList'>(`/${source}s`)).map(({ Spec }) => ({
          word: Spec.Name,
        }));
      case 'any':
        return (
          await Promise.all(
            (['container', 'image', 'network', 'volume'] as const).map((kind) => lookUp(cli, kind, current)),
          )
        ).flat();
    }
  } catch {
    return [];
  }
}
