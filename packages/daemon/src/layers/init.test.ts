import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Bench, changesOf, inRoot, listed, type Member, openBench, stream, tarOf } from './testing.ts';

const owner = 'c'.repeat(64);

describe.each(['erofs', 'folder'] as const)('init mount points over layers as %s', (driver) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(driver);
  });
  afterEach(() => bench.close());

  const add = (members: Member[]) => bench.layers.add(stream(tarOf(members)));

  test('the engine’s own mount points lie in a layer between, one per image, and are no changes', async () => {
    const base = await add([
      { name: 'etc/', type: '5', mode: 0o750 },
      { name: 'etc/resolv.conf', type: '2', link: '/run/systemd/resolve/stub-resolv.conf' },
      { name: 'etc/hosts', content: 'the image’s' },
    ]);
    const other = 'f'.repeat(64);
    await Promise.all(
      [owner, other].map((name) => bench.layers.createWritable(name, [base.diffId], { places: true })),
    );
    expect(
      inRoot(
        bench.layers,
        owner,
        'stat -c "%n %A" .dockerenv dev/* proc sys etc etc/*; readlink etc/mtab; cat etc/hosts',
      ),
    ).toBe(
      [
        '.dockerenv -rwxr-xr-x',
        'dev/console -rwxr-xr-x',
        'dev/pts drwxr-xr-x',
        'dev/shm drwxr-xr-x',
        'proc drwxr-xr-x',
        'sys drwxr-xr-x',
        'etc drwxr-x---',
        'etc/hostname -rwxr-xr-x',
        'etc/hosts -rw-r--r--',
        'etc/mtab lrwxrwxrwx',
        'etc/resolv.conf -rwxr-xr-x',
        '/proc/mounts',
        'the image’s',
      ].join('\n'),
    );
    expect(await changesOf(bench, owner)).toEqual([]);
    expect(await bench.layers.writableSize(owner)).toEqual({ rw: 0, rootFs: base.size });
    expect(bench.layers.rootFilesystem(owner).lower).toEqual(bench.layers.rootFilesystem(other).lower);
    const init = join(bench.root, 'layers/init');
    expect(readdirSync(init)).toHaveLength(1);
    // An init layer that a power cut took: containers do without.
    rmSync(join(init, readdirSync(init)[0]!), { recursive: true });
    await bench.reopen();
    expect(inRoot(bench.layers, owner, 'ls -A')).toBe('etc\n');
    await bench.layers.createWritable('1'.repeat(64), [base.diffId], { places: true });
    expect(readdirSync(init)).toHaveLength(1);
    await bench.layers.reconcile({ diffIds: new Set(), owners: new Set() });
    expect(readdirSync(init)).toEqual([]);
  });

  test("an export has the engine's init mount points, which are no changes", async () => {
    const base = await add([
      { name: 'etc/', type: '5' },
      { name: 'etc/hosts', content: 'own' },
    ]);
    await bench.layers.createWritable(owner, [base.diffId], { places: true });
    expect(await changesOf(bench, owner)).toEqual([]);
    const archive = bench.layers.archive(owner, { folder: '/srv/app' });
    expect((await archive.stat('/etc/hosts')).size).toBe(3);
    expect((await changesOf(bench, owner)).map(({ Path }) => Path)).toEqual(['/srv', '/srv/app']);
    const names = listed(await buffer(await archive.export()), bench.root).map((line) =>
      line.split(' ').slice(5).join(' '),
    );
    expect(names).toEqual(
      expect.arrayContaining(['dev/console', '.dockerenv', 'dev/pts/', 'etc/resolv.conf', 'proc/', 'sys/']),
    );
  });
});
