import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Bench, changesOf, inRoot, listed, type Member, openBench, stream, tarOf } from './testing.ts';

const owner = 'c'.repeat(64);

describe.each(['erofs', 'folder'] as const)('roots of layers as %s', (driver) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(driver);
  });
  afterEach(() => bench.close());

  const add = (members: Member[]) => bench.layers.add(stream(tarOf(members)));

  test('whiteouts and opaque folders hide what is below', async () => {
    const below = await add([
      { name: 'a/', type: '5' },
      { name: 'a/gone', content: '1' },
      { name: 'a/kept', content: '2' },
      { name: 'o/', type: '5' },
      { name: 'o/hidden', content: '3' },
      { name: 'file-to-folder', content: '4' },
    ]);
    const above = await add([
      { name: 'a/.wh.gone' },
      { name: 'o/', type: '5' },
      { name: 'o/.wh..wh..opq' },
      { name: 'o/new', content: '5' },
      { name: '.wh..wh.plnk/', type: '5' },
      { name: 'file-to-folder/', type: '5' },
      { name: 'file-to-folder/x', content: '6' },
    ]);
    await bench.layers.createWritable(owner, [below.diffId, above.diffId]);
    const seen = inRoot(bench.layers, owner, 'find . -type f | sort');
    expect(seen.trim().split('\n')).toEqual(['./a/kept', './file-to-folder/x', './o/new']);
    expect(await changesOf(bench, owner)).toEqual([]);
  });

  test('stacks more layers than there are names in a page', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 140; index++)
      ids.push(
        (
          await add([
            { name: `f${index}`, content: String(index) },
            { name: 'top', content: String(index) },
          ])
        ).diffId,
      );
    await bench.layers.createWritable(owner, ids);
    const tar = await buffer(await bench.layers.archive(owner, {}).export());
    expect(listed(tar, bench.root)).toHaveLength(141);
    await bench.layers.archive(owner, {}).put('/', stream(tarOf([{ name: 'new' }])), {
      noOverwriteDirNonDir: false,
    });
    expect(await changesOf(bench, owner)).toEqual([{ Path: '/new', Kind: 1 }]);
  });

  test('changes and their layer are what dockerd tells', async () => {
    const base = await add([
      { name: 'etc/', type: '5' },
      { name: 'etc/conf', content: '1' },
      { name: 'gone', content: '1' },
      { name: 'tree/', type: '5' },
      { name: 'tree/one', content: '1' },
      { name: 'tree/two', content: '2' },
      { name: 'same', content: '1' },
      { name: 'linked', content: 'l' },
    ]);
    await bench.layers.createWritable(owner, [base.diffId]);
    inRoot(
      bench.layers,
      owner,
      `echo 2 > etc/conf; rm gone; rm -r tree; mkdir tree; echo 3 > tree/three; touch -r same /mnt/t; cat same > /mnt/s; : >> same; touch -r /mnt/t same
       ln linked another; mkdir -p new/sub; echo n > new/sub/file; mkdir proc sys dev; : > etc/hosts; : > etc/resolv.conf; : > .dockerenv`,
    );
    const changes = await changesOf(bench, owner);
    expect(changes.map(({ Path, Kind }) => `${'CAD'[Kind]} ${Path}`)).toEqual([
      'A /another',
      'C /etc',
      'C /etc/conf',
      'D /gone',
      'A /new',
      'A /new/sub',
      'A /new/sub/file',
      'C /tree',
      'A /tree/three',
      'D /tree/one',
      'D /tree/two',
    ]);
    const tar = await buffer(await bench.layers.diffTar(owner));
    expect(listed(tar, bench.root).map((line) => line.split(' ').slice(5).join(' '))).toEqual([
      'another',
      'etc/',
      'etc/conf',
      '.wh.gone',
      'new/',
      'new/sub/',
      'new/sub/file',
      'tree/',
      'tree/three',
      'tree/.wh.one',
      'tree/.wh.two',
    ]);
    // The layer over the same base is the same root.
    const layer = await bench.layers.add(stream(tar));
    const copy = 'e'.repeat(64);
    await bench.layers.createWritable(copy, [base.diffId, layer.diffId]);
    const exported = async (name: string) =>
      listed(await buffer(await bench.layers.archive(name, {}).export()), bench.root);
    const own = / (?:proc\/|sys\/|dev\/|etc\/hosts|etc\/resolv.conf|.dockerenv)$/;
    expect((await exported(owner)).filter((line) => !own.test(line)).map(unlinked)).toEqual(
      (await exported(copy)).map(unlinked),
    );
    expect(await bench.layers.writableSize(copy)).toEqual({ rw: 0, rootFs: base.size + layer.size });
  });

  test('a writable layer is on record as soon as it is asked for: a flush of then has it', async () => {
    const made = bench.layers.createWritable(owner, []);
    expect(bench.store.collection('writable_layers').has(owner)).toBe(true);
    await made;
  });

  test('a look at a root takes nothing from the copy that is being unpacked into it', async () => {
    const base = await add([{ name: 'w/', type: '5' }]);
    for (let round = 0; round < 12; round++) {
      const name = `${owner.slice(0, -2)}${round.toString(16).padStart(2, '0')}`;
      await bench.layers.createWritable(name, [base.diffId]);
      const archive = bench.layers.archive(name, {});
      let over = false;
      const looks = [0, 1].map(async () => {
        while (!over) await archive.stat('/w/.');
      });
      await archive.put('/', stream(tarOf([{ name: `w/f${round}`, content: 'x' }])), {
        noOverwriteDirNonDir: false,
      });
      over = true;
      await Promise.all(looks);
      await bench.layers.removeWritable(name);
    }
  });

  test('copies go in and out within the root', async () => {
    const base = await add([
      { name: 'etc/', type: '5' },
      { name: 'etc/passwd', content: 'container' },
      { name: 'link', type: '2', link: '/etc' },
      { name: 'out', type: '2', link: '../../../../../../tmp' },
      { name: 'tmp/', type: '5', mode: 0o1777 },
    ]);
    await bench.layers.createWritable(owner, [base.diffId]);
    const archive = bench.layers.archive(owner, {});
    expect(await archive.stat('/link')).toMatchObject({
      name: 'link',
      mode: 0o777 + 2 ** 27,
      linkTarget: '/etc',
    });
    expect(await archive.stat('/tmp')).toMatchObject({
      mode: 2 ** 31 + 2 ** 20 + 0o777,
      mtime: '2023-11-14T22:13:20Z',
    });
    await expect(archive.stat('/nope')).rejects.toMatchObject({
      kind: 'not-found',
      message: `Could not find the file /nope in container ${owner}`,
    });
    // Looked at once for each of its slashes, such a path held the daemon for ten seconds.
    const before = process.threadCpuUsage();
    await expect(archive.get(`${'/'.repeat(60_000)}nope`)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(archive.stat('/'.repeat(200_000))).rejects.toMatchObject({ kind: 'invalid-parameter' });
    expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(2000);
    const file = join(bench.root, 'host-file');
    const options = { noOverwriteDirNonDir: true };
    await archive.put(
      '/out',
      stream(gzipSync(tarOf([{ name: 'host-file', content: 'x', uid: 7 }]))),
      options,
    );
    expect(existsSync(file)).toBe(false);
    expect(inRoot(bench.layers, owner, `stat -c '%u %s' tmp/host-file`)).toBe('7 1\n');
    const got = await archive.get('/link/passwd');
    expect(got.stat).toMatchObject({ name: 'passwd', size: 9, mode: 0o644 });
    expect(listed(await buffer(got.tar), bench.root)).toEqual([
      '-rw-r--r-- 0/0 9 2023-11-14 22:13:20 passwd',
    ]);
    expect(
      listed(await buffer((await archive.get('/')).tar), bench.root).map((line) => line.split(' ')[5]),
    ).toEqual(['/', '/etc/', '/etc/passwd', '/link', '/out', '/tmp/', '/tmp/host-file']);
    await expect(archive.put('/', stream(tarOf([{ name: 'etc', content: 'x' }])), options)).rejects.toThrow(
      'cannot overwrite directory "/etc" with non-directory "/"',
    );
    await expect(archive.put('/tmp', stream(tarOf([{ name: '../x' }])), options)).rejects.toThrow(
      '"../x" is outside of "/tmp"',
    );
    await expect(archive.put('/etc/passwd', stream(tarOf([])), options)).rejects.toThrow(
      'extraction point is not a directory',
    );
  });

  test('a running container is seen through its own mounts', async () => {
    const child = spawn('unshare', [
      '-m',
      'sh',
      '-c',
      'mount -t tmpfs x /mnt && echo seen > /mnt/inside && echo ready && exec sleep 60',
    ]);
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await bench.layers.createWritable(owner, []);
      const archive = bench.layers.archive(owner, { pid: child.pid! });
      expect((await archive.stat('/mnt/inside')).size).toBe(5);
      await archive.put('/mnt', stream(tarOf([{ name: 'put', content: 'p' }])), {
        noOverwriteDirNonDir: false,
      });
      expect(
        listed(await buffer((await archive.get('/mnt')).tar), bench.root).map((line) => line.split(' ')[5]),
      ).toEqual(['mnt/', 'mnt/inside', 'mnt/put']);
      expect(existsSync('/mnt/inside')).toBe(false);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

/** A copied-up file is no hard link of the one below any more. */
function unlinked(line: string): string {
  return line
    .replace(/^h/, '-')
    .replace(/ link to .*/, '')
    .replace(/^(-\S+ \S+) \d+/, '$1');
}
