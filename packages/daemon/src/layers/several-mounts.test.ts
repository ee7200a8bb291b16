import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Bench, openBench, stream, tarOf } from './testing.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench('erofs');
});
afterAll(() => bench.close());

test('an archive that is put into a root while another is does not disturb it', async () => {
  const { layers } = bench;
  const { diffId } = await layers.add(stream(tarOf([{ name: 'below/', type: '5' }])));
  await layers.createWritable('owner', [diffId]);
  const archive = layers.archive('owner', {});
  // Names of a folder that has to be copied up come after other mounts of the same upper folder.
  async function* pieces() {
    yield tarOf([{ name: 'first', content: 'x' }], { trailer: false });
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const other = stream(tarOf([{ name: `other${round}`, content: 'x' }]));
      await archive.put('/', other, { noOverwriteDirNonDir: false });
      yield tarOf([{ name: `below/${round}/`, type: '5' }], { trailer: false });
    }
    yield Buffer.alloc(1024);
  }
  await archive.put('/', Readable.from(pieces()), { noOverwriteDirNonDir: false });
  expect((await archive.stat('/below/4')).name).toBe('4');
  // The work directories of those mounts are gone.
  expect(readdirSync(join(bench.root, 'layers', 'writable', 'owner')).sort()).toEqual(['upper', 'work']);
  await layers.removeWritable('owner');
});
