import type { Layer } from '../../layers/api.ts';
import type { Contents } from './archive-reading.ts';
import { describeLegacy } from './load-legacy.ts';

/** An archive of images by their ids; each has one and the same layer. */
function archiveOf(images: Record<string, object>): Contents {
  const documents = new Map([['repositories', Buffer.from('{}')]]);
  const layers = new Map<string, Promise<Layer>>();
  for (const [id, description] of Object.entries(images)) {
    documents.set(`${id}/json`, Buffer.from(JSON.stringify({ docker_version: '1.9.0', ...description })));
    layers.set(`${id}/layer.tar`, Promise.resolve({ diffId: `sha256:${'a'.repeat(64)}`, size: 1 } as Layer));
  }
  return { documents, layers, links: new Map() };
}

/** A line of images, each the parent of the next. */
const line = (count: number, description: object) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `below${at}`,
      { ...description, ...(at > 0 && { parent: `below${at - 1}` }) },
    ]),
  );

test('a line of as many images as there could be has the history of each in those above it', async () => {
  const images = await describeLegacy(archiveOf(line(127, { container_config: { Cmd: ['x'.repeat(100)] } })));
  expect(images).toHaveLength(127);
  expect(Math.max(...images.map(({ config }) => config.history!.length))).toBe(127);
});

test('images whose histories would not fit into memory are refused: each repeats what it stands on', async () => {
  const many = Array.from({ length: 4000 }, (_, at) => [
    `over${at}`,
    { parent: 'below29', comment: `${at}` },
  ]);
  const long = line(30, { container_config: { Cmd: ['x'.repeat(100_000)] } });
  await expect(describeLegacy(archiveOf({ ...long, ...Object.fromEntries(many) }))).rejects.toThrow(
    'the configurations of the images in the archive are too large',
  );
});
