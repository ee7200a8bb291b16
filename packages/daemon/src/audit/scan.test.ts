import { Readable } from 'node:stream';
import { type Pack, pack } from 'tar-stream';
import { scanLayers } from './scan.ts';

async function scan(fill: (layer: Pack) => void) {
  const layer = pack();
  fill(layer);
  layer.finalize();
  const parts: Buffer[] = [];
  for await (const part of layer) parts.push(part as Buffer);
  const tar = async () => Readable.from(parts) as unknown as NodeJS.ReadableStream & { destroy(): void };
  const layers = { has: () => true, tar } as unknown as Parameters<typeof scanLayers>[0];
  const began = process.cpuUsage();
  const found = await scanLayers(layers, ['sha256:a']);
  return { found, milliseconds: process.cpuUsage(began).user / 1000 };
}

test('a layer of an enemy takes no longer than others, and fills no memory', async () => {
  const { found, milliseconds } = await scan((layer) => {
    layer.entry({ name: 'etc/group', mode: 0o644 }, 'a:x:0\n'.repeat(10_900));
    for (let index = 0; index < 20; index += 1)
      layer.entry({ name: `a${'/'.repeat(4000)}${index}`, mode: 0o644 }, 'x');
    for (let index = 0; index < 100; index += 1) layer.entry({ name: `f${index}`, mode: 0o666 }, '');
  });
  expect(milliseconds).toBeLessThan(150);
  expect(found.sharedIds).toHaveLength(1);
  expect(found.sharedIds[0]!.length).toBeLessThan(1000);
  expect(found.worldWritable).toHaveLength(50);
});

test('a mode counts until a later entry of the path', async () => {
  const { found } = await scan((layer) => {
    layer.entry({ name: './bin/a', mode: 0o4755 }, 'x');
    layer.entry({ name: 'bin/b', mode: 0o4755 }, 'x');
    layer.entry({ name: '/bin/b', mode: 0o755 }, 'x');
    layer.entry({ name: 'bin/.wh.a', mode: 0o644 }, '');
    layer.entry({ name: 'bin/c', mode: 0o2755 }, 'x');
  });
  expect(found.setuid).toEqual(['/bin/c']);
});
