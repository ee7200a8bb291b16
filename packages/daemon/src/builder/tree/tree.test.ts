import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { stream, tarOf } from '../../layers/testing.ts';
import { findSources, sourcesDigest } from '../copy.ts';
import { sortedInSlices } from './order.ts';
import { Tree } from './tree.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-tree-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The result of taking in a tar of one file, cut to so many bytes. */
async function taken(bytes: number): Promise<string> {
  const tree = await Tree.create(join(folder, `${bytes}`));
  try {
    await tree.addTar(stream(tarOf([{ name: 'f', content: 'hello' }]).subarray(0, bytes)));
    return (await tree.readAll(tree.entries.get('f')!)).toString();
  } finally {
    await tree.close();
  }
}

test('a tar may end with the bytes of its last file, but not before them', async () => {
  expect(await taken(512 + 5)).toBe('hello');
  await expect(taken(512 - 1)).rejects.toThrow('Error processing tar file');
  await expect(taken(512 + 512 + 100)).rejects.toThrow('unexpected EOF'); // within the first block of zeros
  await expect(taken(512 + 512 + 512 + 100)).rejects.toThrow('unexpected EOF');
  expect(await taken(512 + 512 + 512)).toBe('hello');
  expect(await taken(512 + 511)).toBe('hello');
});

test('paths under a folder are those that begin with it, in order', async () => {
  const letters = fc.constantFrom('a', 'b', '/', '-', '0', 'é', '😀');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 6 })), async (names) => {
      const tree = await Tree.create(join(folder, 'order'));
      for (const name of names) if (/[^/]/.test(name)) tree.addPlain(name, { type: 'file', mode: 0 });
      for (const top of ['', 'a', 'a/b', 'b', '-']) {
        const below = [...tree.entries.keys()].filter((path) => top === '' || path.startsWith(`${top}/`));
        expect(await tree.under(top)).toEqual(below.sort());
      }
      await tree.close();
      await rm(join(folder, 'order'));
    }),
    { numRuns: 100 },
  );
});

test('texts are sorted as sort() does', async () => {
  const texts = Array.from({ length: 20_000 }, (_, index) => `${(index * 7919) % 9973}/${index % 3}`);
  expect(await sortedInSlices(texts)).toEqual(texts.toSorted());
});

test('a context of many entries leaves the loop its turns', async () => {
  const tree = await Tree.create(join(folder, 'many'));
  for (let index = 0; index < 100_000; index++)
    tree.addPlain(`d${index % 1000}/some-folder/f${index}`, { type: 'file', mode: 0o644 });
  let longest = 0;
  let last = process.threadCpuUsage();
  // CPU time between two turns: a loaded machine does not make it longer.
  const watch = setInterval(() => {
    const { user } = process.threadCpuUsage(last);
    longest = Math.max(longest, user / 1000);
    last = process.threadCpuUsage();
  }, 1);
  const before = process.cpuUsage();
  const sources = await findSources(tree, '*', 'COPY', true);
  expect(sources).toHaveLength(1000);
  await sourcesDigest(sources, (text) => text);
  await tree.removeAll((path) => path.endsWith('7'));
  await tree.digest('');
  clearInterval(watch);
  await tree.close();
  expect(longest).toBeLessThan(100);
  // A look through all of the tree for each of a thousand folders took half a minute.
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(6000);
}, 60_000);
