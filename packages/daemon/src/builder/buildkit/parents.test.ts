import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ignoreFilter } from '../../dockerfile/ignore.ts';
import { findSources, type Source, sourcesDigest, withoutExcluded } from '../copy.ts';
import { sha256 } from '../steps.ts';
import { Tree } from '../tree/tree.ts';
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
async function copied(sources: Source[]): Promise<string[]> {
  const files: string[] = [];
  for (const { path: base, skip } of sources)
    for (const path of await tree.under(base)) {
      const relative = base === '' ? path : path.slice(base.length + 1);
      if (!skip?.(relative) && relative.includes('.')) files.push(relative);
    }
  return files;
}

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
  ])('%s', async (source, expected) => {
    expect(await copied(await parentSources(tree, source, () => false))).toEqual(expected);
  });

  test('no folder comes that leads to nothing', async () => {
    const [source] = await parentSources(tree, '**/*.txt', ignoreFilter('x/y\nz'));
    expect((await tree.under('')).filter((path) => !source?.skip?.(path))).toEqual([
      'top.txt',
      'x',
      'x/a.txt',
    ]);
  });

  test('a path without wildcards must be there', async () => {
    await expect(parentSources(tree, 'x/./none.txt', () => false)).rejects.toThrow('file does not exist');
  });
});

test('without --parents, ** is one folder', async () => {
  const found = await findSources(tree, '**/*.txt', 'COPY', false);
  expect(found.map(({ path }) => path)).toEqual(['x/a.txt', 'z/d.txt']);
});

describe('COPY --exclude', () => {
  const whole = (path: string): Source => ({ tree, path, name: path });

  test('is of a file by its name, of a folder by what is in it', async () => {
    const ignored = ignoreFilter('*.txt\ny/*.md');
    expect(withoutExcluded([whole('top.txt')], ignored)).toEqual([]);
    expect(await copied(withoutExcluded([whole('x')], ignored))).toEqual(['y/b.txt']);
  });

  test('what is left out is no part of what the cache compares', async () => {
    const digest = (patterns: string) =>
      sourcesDigest(withoutExcluded([whole('x')], ignoreFilter(patterns)), sha256);
    expect(await digest('*.txt')).not.toBe(await digest('y'));
    expect(await digest('*.none')).toBe(await sourcesDigest([whole('x')], sha256));
  });
});
