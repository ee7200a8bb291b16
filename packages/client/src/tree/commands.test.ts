import { bool, filter, int, list, parseFlags, string } from '../base/flags.ts';
import { complete } from '../cli/complete/complete.ts';
import { isGroup, type Leaf, type Node } from '../cli/nodes.ts';
import { eventLine } from '../commands/system/events.ts';
import { timestamp } from '../parse/timestamp.ts';
import { similar } from './suggest.ts';
import { tree } from './tree.ts';

const table = {
  all: bool('a', ''),
  detach: bool('d', ''),
  env: list('e', ''),
  filter: filter('f', ''),
  last: int('n', '', { initial: -1 }),
  name: string('', ''),
};

test('flags in all their spellings', () => {
  const { flags, args, given } = parseFlags(table, [
    '-ad',
    'x',
    '-eA=1',
    '--env',
    'B=2',
    '-n=3',
    '--name=',
    '--',
    '-y',
  ]);
  expect(flags).toMatchObject({ all: true, detach: true, env: ['A=1', 'B=2'], last: 3, name: '' });
  expect(args).toEqual(['x', '-y']);
  expect(given.has('name')).toBe(true);
  expect(parseFlags(table, ['-a=false', '-f', 'a=b', '-f', 'a=c']).flags).toMatchObject({
    all: false,
    filter: { a: ['b', 'c'] },
  });
  expect(parseFlags(table, ['image', '-a'], false).args).toEqual(['image', '-a']);
});

test.each([
  [['--foo'], 'unknown flag: --foo'],
  [['-ax'], "unknown shorthand flag: 'x' in -ax"],
  [['-n'], "flag needs an argument: 'n' in -n"],
  [['--name'], 'flag needs an argument: --name'],
  [['-n', 'x'], 'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  [
    ['--all=maybe'],
    'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
])('%j is refused as pflag does', (argv, message) => {
  expect(() => parseFlags(table, argv)).toThrow(message);
});

test('a mistyped verb is recognized', () => {
  const verbs = ['run', 'rm', 'ps', 'stop', 'start', 'restart'];
  expect(similar('strat', verbs)).toEqual(['start']);
  expect(similar('rnu', verbs)).toContain('run');
  expect(similar('frobnicate', verbs)).toEqual([]);
});

/** Every command with the words that lead to it. */
const leavesOf = (nodes: Readonly<Record<string, Node>>, before = ''): Array<[words: string, leaf: Leaf]> =>
  Object.entries(nodes).flatMap(([name, node]) =>
    isGroup(node) ? leavesOf(node.commands, `${before}${name} `) : [[`${before}${name}`, node]],
  );

test.each(leavesOf(tree))('%s names its flags in small letters and hyphens', async (_words, leaf) => {
  const { default: command } = await leaf.load();
  for (const [name, { short }] of Object.entries(command.flags)) {
    expect(name).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
    expect(short).toMatch(/^[A-Za-z]?$/);
  }
});

test('times of --since', () => {
  const now = Date.UTC(2026, 0, 2);
  expect(timestamp('90s', now)).toBe(String(now / 1000 - 90));
  expect(timestamp('2013-01-02T13:23:37Z')).toBe('1357133017.000000000');
  expect(timestamp('2013-01-02T13:23:37.5+01:00')).toBe('1357129417.500000000');
  expect(timestamp('1357133017.25')).toBe('1357133017.25');
  expect(() => timestamp('2013-13-01')).toThrow('parsing time "2013-13-01": month out of range');
  expect(() => timestamp('soon')).toThrow('failed to parse value as time or duration: "soon"');
});

test('an event is a line', () => {
  const Actor = { ID: 'abc', Attributes: { name: 'web', image: 'busybox' } };
  expect(eventLine({ Type: 'container', Action: 'start', Actor, time: 0, timeNano: 0 })).toBe(
    'container start abc (image=busybox, name=web)\n',
  );
});

describe('completion', () => {
  const words = async (...line: string[]): Promise<string[]> =>
    (await complete(tree, ['-H', 'unix:///nonexistent', ...line])).candidates.map(({ word }) => word);

  test('commands, groups and flags', async () => {
    expect(await words('sto')).toEqual(['stop']);
    expect(await words('container', 'unp')).toEqual(['unpause']);
    expect(await words('ps', '--no')).toEqual(['--no-trunc']);
    expect(await words('run', '--rm', '-it', '--net')).toEqual(['--network', '--network-alias']);
    // After the image everything belongs to the container.
    expect(await words('run', 'busybox', '--')).toEqual([]);
  });

  test('values of flags', async () => {
    expect(await words('run', '--pull', 'm')).toEqual(['missing']);
    expect(await words('run', '--pull=n')).toEqual(['--pull=never']);
    expect(await words('kill', '-s', 'SIGK')).toEqual(['SIGKILL']);
  });

  test('files where files are meant, nothing where there is no daemon', async () => {
    expect(await complete(tree, ['build', ''])).toEqual({ candidates: [], files: true });
    expect(await words('rm', '')).toEqual([]);
  });
});
