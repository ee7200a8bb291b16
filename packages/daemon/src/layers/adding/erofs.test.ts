import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, type Member, openBench, stream, tarOf } from '../testing.ts';

/* The image that our writer makes of a tar, held against the EROFS of others: erofs-utils checks it and extracts the same files
   as tar does. */

let bench: Bench;
beforeAll(async () => {
  bench = await openBench('erofs');
});
afterAll(() => bench.close());

/** Where the superblock has the features that a reader may ignore, and the bit among them for its checksum. */
const FEATURES = 1024 + 8;
const CHECKSUM = 1;

/** Adds the tar; returns what fsck.erofs extracts of the layer, and what tar(1) does, each packed in one way. */
async function extracted(tar: Buffer): Promise<{ erofs: string[]; tar: string[] }> {
  const { diffId } = await bench.layers.add(stream(tar));
  const digest = diffId.slice('sha256:'.length);
  const layer = join(bench.root, 'layers/layers', digest);
  const folder = join(bench.root, digest);
  const [image, erofs, reference] = ['image', 'erofs', 'tar'].map((name) => join(folder, name));
  mkdirSync(reference!, { recursive: true });
  // erofs-utils 1.8 sums the blocks behind the superblock, of which there are none where blocks are smaller than it, and crashes.
  const bytes = readFileSync(join(layer, 'index.erofs'));
  bytes.writeUInt32LE(bytes.readUInt32LE(FEATURES) & ~CHECKSUM, FEATURES);
  writeFileSync(image!, bytes);
  const checked = spawnSync(
    'fsck.erofs',
    [`--device=${join(layer, 'tar')}`, `--extract=${erofs}`, '--xattrs', image!],
    { encoding: 'utf8' },
  );
  expect(checked).toMatchObject({ status: 0, stderr: '' });
  const attributes = ['--xattrs', '--xattrs-include=*', '--numeric-owner'];
  execFileSync('tar', ['-xp', '-C', reference!, '--delay-directory-restore', ...attributes], { input: tar });
  return { erofs: told(erofs!), tar: told(reference!) };
}

/** Lines of a tree: kind, mode, owner, links, time, name and target of each entry; sums of contents; then all attributes. */
function told(folder: string): string[] {
  const script = `
    find . -mindepth 1 -printf '%y %m %U:%G %n %T@ %p %l\\0' | LC_ALL=C sort -z | tr '\\0' '\\n'
    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    tar -c --xattrs --xattrs-include='*' --sort=name --mtime=@0 . | grep -a -o 'SCHILY.xattr.*' || true`;
  return execFileSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' }).split('\n');
}

const day = 1_700_000_000;

test('every kind of member, and contents around the sizes of blocks', async () => {
  const members: Member[] = [
    { name: 'd/', type: '5', mode: 0o1777, uid: 70_000, mtime: day },
    { name: 'd/deep/', type: '5', mtime: day },
    { name: 'd/link', type: '2', link: '../somewhere/else', mtime: day },
    { name: 'd/node', type: '3', major: 1, minor: 3, mode: 0o666, mtime: day },
    { name: 'd/block', type: '4', major: 259, minor: 70_000, mtime: day },
    { name: 'd/pipe', type: '6', mtime: day },
    { name: 'ä ö\n"', content: 'odd name', mtime: day },
    {
      name: 'pax',
      content: 'x',
      mtime: day,
      pax: { path: `${'p'.repeat(250)}`, 'SCHILY.xattr.user.note': 'an attribute', mtime: `${day}.25` },
    },
    ...[0, 1, 511, 512, 513, 4095, 4096, 4097, 100_000].map((size) => ({
      name: `d/deep/${size}`,
      content: Buffer.alloc(size, size % 251),
      mode: 0o4755,
      mtime: day,
    })),
    { name: 'hard', type: '1', link: 'd/deep/513', mtime: day },
  ];
  const found = await extracted(tarOf(members));
  expect(found.erofs).toEqual(found.tar);
  expect(found.tar).toContain('SCHILY.xattr.user.note=an attribute');
});

test('a directory of more names than a block holds, in whatever order they came', async () => {
  const names = Array.from(
    { length: 700 },
    (_, index) => `many/${(index * 7919) % 700}-${'n'.repeat(index % 90)}`,
  );
  const found = await extracted(tarOf(names.map((name) => ({ name, content: name, mtime: day }))));
  // `many` is described by no member: its time is that of whoever extracts it.
  const described = (lines: string[]) => lines.filter((line) => !line.startsWith('d '));
  expect(described(found.erofs)).toEqual(described(found.tar));
  expect(described(found.tar).length).toBeGreaterThan(1400);
});
