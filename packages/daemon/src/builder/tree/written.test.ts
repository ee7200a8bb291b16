import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { extract } from 'tar-stream';
import { writeBody, writtenTar } from './written.ts';

test('entries come as they are written, and the tar ends with the writing', async () => {
  const tar = writtenTar(async (out) => {
    out.entry({ name: 'folder/', type: 'directory' });
    await writeBody(out, { name: 'folder/file', size: 300_000 }, Readable.from([Buffer.alloc(300_000, 'x')]));
  });
  const found: Array<[string, number]> = [];
  for await (const entry of tar.pipe(extract() as never) as AsyncIterable<
    AsyncIterable<Buffer> & { header: { name: string } }
  >) {
    let size = 0;
    for await (const chunk of entry) size += chunk.length;
    found.push([entry.header.name, size]);
  }
  expect(found).toEqual([
    ['folder/', 0],
    ['folder/file', 300_000],
  ]);
});

test.each([0, 3])('a failure is told to the reader who comes %d turns later', async (turns) => {
  const tar = writtenTar(async () => {
    throw new Error('no more');
  });
  for (let left = turns; left > 0; left -= 1) await turn();
  await expect(tar.toArray()).rejects.toThrow('no more');
});

test.each(['before the first byte', 'in the middle'])(
  'a reader that stops %s ends the writing',
  async (when) => {
    const ended = Promise.withResolvers<void>();
    const endless = () =>
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(65_536);
        })(),
      );
    const tar = writtenTar(async (out) => {
      try {
        await writeBody(out, { name: 'large', size: 1e12 }, endless());
      } catch (error) {
        ended.resolve();
        throw error;
      }
    });
    if (when === 'in the middle') for await (const _ of tar) break;
    else tar.destroy();
    await ended.promise;
  },
);
