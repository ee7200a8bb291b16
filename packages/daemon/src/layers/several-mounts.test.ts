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

test('an archive that is broken off leaves a work directory to nobody but the next one, which removes it', async () => {
  const { layers } = bench;
  await layers.createWritable('killed', []);
  const folder = join(bench.root, 'layers', 'writable', 'killed');
  const archive = layers.archive('killed', {});
  const gone = new AbortController();
  async function* endless() {
    for (;;) {
      yield tarOf([{ name: 'x', content: 'x' }], { trailer: false });
      if (readdirSync(folder).length > 2) gone.abort(new Error('the client has gone'));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const put = archive.put('/', Readable.from(endless()), {
    noOverwriteDirNonDir: false,
    signal: gone.signal,
  });
  await expect(put).rejects.toThrow('the client has gone');
  await archive.put('/', stream(tarOf([{ name: 'y', content: 'y' }])), { noOverwriteDirNonDir: false });
  expect(readdirSync(folder).sort()).toEqual(['upper', 'work']);
  await layers.removeWritable('killed');
});
