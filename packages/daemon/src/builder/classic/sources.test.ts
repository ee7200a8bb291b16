import { TestImages } from '../../images/registry/testing/images.ts';
import { stream } from '../../layers/testing.ts';
import { CacheSources } from './sources.ts';

let room: TestImages;
beforeEach(async () => {
  room = await new TestImages().open();
});
afterEach(() => room.dispose());

test('an image that came without the images of its steps gives them again', async () => {
  const { images } = room;
  const base = await room.make('base', 'content');
  const step = (parent: string, created_by: string) =>
    images.create({ parent, config: { Env: [`A=${created_by}`] }, history: { created_by } });
  const top = await step(await step(await step(base, 'one'), 'two'), 'three');
  await images.tag(top, 'app', 'latest');
  const saved = await images.save(['app'], { signal: AbortSignal.timeout(30_000) });
  const chunks: Buffer[] = [];
  for await (const chunk of saved) chunks.push(chunk as Buffer);
  await images.remove('app', { force: false, noprune: false });
  await images.load(stream(Buffer.concat(chunks)), {
    signal: AbortSignal.timeout(30_000),
    onProgress: () => undefined,
  });
  expect(images.get(top)?.parent).toBe('');

  const sources = new CacheSources(images, ['nothing', 'app'], undefined);
  expect(await sources.restore(base, 'two')).toBeUndefined();
  const one = (await sources.restore(base, 'one'))!;
  expect(
    images
      .get(one)
      ?.config.history?.map(({ created_by }) => created_by)
      .slice(-1),
  ).toEqual(['one']);
  const two = (await sources.restore(one, 'two'))!;
  expect(await sources.restore(two, 'three')).toBe(top);
  // The next build finds them by their parents.
  expect(new CacheSources(images, ['app'], undefined).lineage()).toEqual([top, two, one, base]);
});
