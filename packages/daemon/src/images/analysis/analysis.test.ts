import { stream, tarOf } from '../../layers/testing.ts';
import { TestImages } from '../registry/testing/images.ts';

const file = (name: string, content: string | Buffer, mode = 0o644) => ({ name, content, mode });

let room: TestImages;
beforeEach(async () => {
  room = await new TestImages().open();
});
afterEach(() => room.dispose());

test('an analysis tells what each layer adds, changes, hides and wastes', async () => {
  const [big, small] = [Buffer.alloc(100_000, 1), Buffer.alloc(5_000, 2)];
  const tars = [
    tarOf([file('data/a', big), file('data/b', big), file('keep', small), file('old/x', small)]),
    tarOf([file('data/a', big, 0o600), file('keep', 'new')]),
    tarOf([file('data/.wh.b', ''), file('old/.wh..wh..opq', ''), file('old/y', small), file('copy', small)]),
  ];
  const layers = [];
  for (const tar of tars) layers.push(await room.layers.add(stream(tar)));
  const id = await room.images.register({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [{ created_by: 'one' }, { empty_layer: true }, { created_by: 'two' }, { created_by: 'three' }],
  });
  const analysis = await room.images.analyze(id);
  expect(analysis).toMatchObject({ Size: 320_003, VisibleSize: 110_003, WastedSize: 210_000, Score: 34 });
  expect(
    analysis.Layers.map(({ CreatedBy, Wasted, Hidden }) => [CreatedBy, Wasted.Size, Hidden.Size]),
  ).toEqual([
    ['one', 210_000, 0],
    ['two', 0, 105_000],
    ['three', 0, 105_000],
  ]);
  expect(analysis.Wasted).toEqual([
    { Path: '/data/a', Size: 100_000, Layers: [0, 1], Reason: 'metadata' },
    { Path: '/data/b', Size: 100_000, Layers: [0], Reason: 'deleted' },
    { Path: '/keep', Size: 5_000, Layers: [0, 1], Reason: 'replaced' },
    { Path: '/old/x', Size: 5_000, Layers: [0], Reason: 'deleted' },
  ]);
  expect(analysis.Duplicates.map(({ Paths }) => Paths)).toEqual([['/copy', '/old/y']]);
  expect(analysis.LargestDirectories[0]).toEqual({ Path: '/data', Size: 100_000 });
});
