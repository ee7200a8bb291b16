import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Bench, inRoot, openBench, stream, tarOf } from '../layers/testing.ts';
import { findSources } from './copy.ts';
import { Steps } from './steps.ts';
import { Tree } from './tree/tree.ts';

const signal = AbortSignal.timeout(30_000);
const owner = 'e'.repeat(64);

let bench: Bench;
let steps: Steps;
let base: string;

beforeAll(async () => {
  bench = await openBench('folder');
  // No step here runs a container.
  steps = new Steps(bench.layers, undefined as never);
  const layer = await bench.layers.add(
    stream(
      tarOf([
        { name: 'nowhere', type: '2', link: '/../../not/yet' },
        { name: 'data', content: 'old' },
        { name: 'to-data', type: '2', link: 'data' },
      ]),
    ),
  );
  base = layer.diffId;
});
afterAll(() => bench.close());

/** The output of a script that looks at the root after a step. */
async function look(change: Promise<{ diffId: string } | null>, script: string): Promise<string> {
  const layer = await change;
  await bench.layers.createWritable(owner, [base, ...(layer ? [layer.diffId] : [])]);
  try {
    return inRoot(bench.layers, owner, script).trim();
  } finally {
    await bench.layers.removeWritable(owner);
  }
}

async function contextOf(tar: Buffer): Promise<Tree> {
  const tree = await Tree.create(join(bench.root, `tree-${Math.random()}`));
  await tree.addTar(Readable.from([tar])).catch(async (error) => {
    await tree.close();
    throw error;
  });
  return tree;
}

describe('a copy goes where links of the root lead, not over them:', () => {
  test.each([
    ['into a folder that is not there yet', '/nowhere/', 'cat not/yet/file; readlink nowhere'],
    ['as a file that is not there yet', '/nowhere', 'cat not/yet; readlink nowhere'],
    ['below such a folder', '/nowhere/sub/', 'cat not/yet/sub/file; readlink nowhere'],
  ])('%s', async (_, destination, script) => {
    const tree = await contextOf(tarOf([{ name: 'file', content: 'new\n' }]));
    const sources = await findSources(tree, 'file', 'COPY', true);
    expect(await look(steps.copy([base], sources, destination, { signal }), script)).toBe(
      'new\n/../../not/yet',
    );
    await tree.close();
  });

  test('over a file', async () => {
    const tree = await contextOf(tarOf([{ name: 'file', content: 'new\n' }]));
    const sources = await findSources(tree, 'file', 'COPY', true);
    const copied = steps.copy([base], sources, '/to-data', { signal });
    expect(await look(copied, 'cat data; readlink to-data')).toBe('new\ndata');
    await tree.close();
  });

  test('as the folder of WORKDIR', async () => {
    const made = steps.makeFolder([base], '/nowhere/sub', signal);
    expect(await look(made, 'ls not/yet; readlink nowhere')).toBe('sub\n/../../not/yet');
  });
});

test('a context may end right after the last byte of its last file, but not before', async () => {
  const tar = tarOf([{ name: 'a' }, { name: 'b', content: 'content' }], { trailer: false });
  const end = tar.length - 512 + 'content'.length;
  const tree = await contextOf(tar.subarray(0, end));
  expect((await tree.readAll(tree.entries.get('b')!)).toString()).toBe('content');
  await tree.close();
  await expect(contextOf(tar.subarray(0, end - 1))).rejects.toThrow('unexpected EOF');
});
