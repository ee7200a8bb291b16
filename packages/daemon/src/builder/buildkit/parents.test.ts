import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ignoreFilter } from '../../dockerfile/ignore.ts';
import { findSources, type Source, sourcesDigest, withoutExcluded } from '../copy.ts';
import { sha256 } from '../steps.ts';
import { Tree } from '../tree.ts';
import { parentSources } from './parents.ts';

let folder: string;
let tree: Tree;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-parents-'));
  tree = await Tree.create(join(folder, 'tree'));
  for (const path of ['x/a.txt', 'x/y/b.txt', 'x/y/c.md', 'z/d.txt', 'top.txt'])
    tree.addPlain(path, { type: 'file', mode: 0o644 });
});
afterAll(async () => {
  await tree.close();
  await rm(folder, { recursive: true });
});

/** The files that come to the destination. */
const copied = (sources: Source[]) =>
  sources
    .flatMap(({ path: base, skip }) =>
      tree
        .under(base)
        .map((path) => (base === '' ? path : path.slice(base.length + 1)))
        .filter((path) => !skip?.(path)),
    )
    .filter((path) => path.includes('.'));

describe('COPY --parents', () => {
  test.each([
    ['./x/a.txt', ['x/a.txt']],
    ['/x/y', ['x/y/b.txt', 'x/y/c.md']],
    ['x/*.txt', ['x/a.txt']],
    ['*/*.txt', ['x/a.txt', 'z/d.txt']],
    ['**/*.txt', ['top.txt', 'x/a.txt', 'x/y/b.txt', 'z/d.txt']],
    ['./x/./y/*.txt', ['y/b.txt']],
    ['x/./', ['a.txt', 'y/b.txt', 'y/c.md']],
    ['*/./*.txt', ['a.txt', 'd.txt']],
    ['none/*', []],
  ])('%s', (source, expected) => {
    expect(copied(parentSources(tree, source, () => false))).toEqual(expected);
  });

  test('no folder comes that leads to nothing', () => {
    const [source] = parentSources(tree, '**/*.txt', ignoreFilter('x/y\nz'));
    expect(tree.under('').filter((path) => !source?.skip?.(path))).toEqual(['top.txt', 'x', 'x/a.txt']);
  });

  test('a path without wildcards must be there', () => {
    expect(() => parentSources(tree, 'x/./none.txt', () => false)).toThrow('file does not exist');
  });
});

test('without --parents, ** is one folder', () => {
  const found = findSources(tree, '**/*.txt', 'COPY', false).map(({ path }) => path);
  expect(found).toEqual(['x/a.txt', 'z/d.txt']);
});

describe('COPY --exclude', () => {
  const whole = (path: string): Source => ({ tree, path, name: path });

  test('is of a file by its name, of a folder by what is in it', () => {
    const ignored = ignoreFilter('*.txt\ny/*.md');
    expect(withoutExcluded([whole('top.txt')], ignored)).toEqual([]);
    expect(copied(withoutExcluded([whole('x')], ignored))).toEqual(['y/b.txt']);
  });

  test('what is left out is no part of what the cache compares', () => {
    const digest = (patterns: string) =>
      sourcesDigest(withoutExcluded([whole('x')], ignoreFilter(patterns)), sha256);
    expect(digest('*.txt')).not.toBe(digest('y'));
    expect(digest('*.none')).toBe(sourcesDigest([whole('x')], sha256));
  });
});
