import type { LayerEntry } from '../../layers/api.ts';
import { MergedTree } from './merge.ts';
import { Largest, SlicedWork } from './slicing.ts';

const file = (path: string, size: number): LayerEntry =>
  ({ path, type: 'file', size, whiteout: path.includes('.wh.') }) as LayerEntry;

async function* layer(count: number, path: (index: number) => string): AsyncGenerator<LayerEntry> {
  for (let index = 0; index < count; index++) yield file(path(index), index);
}

test('others have their turn while a large layer is read, hidden and gone through', async () => {
  const slices = new SlicedWork();
  const tree = new MergedTree(slices);
  let ticks = 0;
  const ticker = setInterval(() => ticks++, 1);
  await tree.put(layer(20_000, (index) => `usr/${index % 100}/${index}`));
  const reading = ticks;
  await tree.put(layer(1, () => 'usr/.wh..wh..opq'));
  await slices.each(Array.from({ length: 200_000 }), () => tree.layers.length);
  clearInterval(ticker);
  expect(tree.hidings).toHaveLength(20_000);
  expect(reading).toBeGreaterThan(1);
  expect(ticks).toBeGreaterThan(reading);
});

test('names without end, as an enemy writes them, are refused before they fill the memory', async () => {
  const deep = `${'a/'.repeat(2000)}b`;
  await expect(
    new MergedTree(new SlicedWork()).put(layer(100_000, (index) => `${index}/${deep}`)),
  ).rejects.toThrow('more files than can be analysed');
});

test('a path of two thousand names is gone through', async () => {
  const tree = new MergedTree(new SlicedWork());
  await tree.put(layer(2, (index) => `${'a/'.repeat(2000)}${index}`));
  expect([...tree.visible()]).toHaveLength(2);
  expect(await tree.directories(3)).toEqual([
    { path: '/a', size: 1 },
    { path: '/a/a', size: 1 },
    { path: '/a/a/a', size: 1 },
  ]);
});

test('an analysis that nobody waits for ends', async () => {
  const tree = new MergedTree(new SlicedWork(AbortSignal.abort(new Error('gone'))));
  await expect(tree.put(layer(1_000_000, String))).rejects.toThrow('gone');
});

test('the largest are kept, of equal ones the first', () => {
  const largest = new Largest<{ size: number; at: number }>(3);
  for (let at = 0; at < 1000; at++) largest.add({ size: at % 10, at });
  expect(largest.take().map(({ at }) => at)).toEqual([9, 19, 29]);
  const none = new Largest<{ size: number }>(0);
  none.add({ size: 1 });
  expect(none.take()).toEqual([]);
});
