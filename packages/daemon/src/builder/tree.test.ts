import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stream, tarOf } from '../layers/testing.ts';
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
});
