import { execSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { LayerEntry } from './api.ts';
import { type Bench, inRoot, listed, type Member, openBench, stream, tarOf } from './testing.ts';

const owner = 'c'.repeat(64);

const left = (bench: Bench) =>
  ['made', 'trash', 'layers', 'writable'].flatMap((name) => readdirSync(join(bench.root, 'layers', name)));

const settle = () => new Promise((resolve) => setTimeout(resolve, 200));

describe.each(['erofs', 'folder'] as const)('layers as %s', (driver) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(driver);
  });
  afterEach(() => bench.close());

  const add = (members: Member[]) => bench.layers.add(stream(tarOf(members)));

  test('holds what GNU tar packs, byte for byte and attribute for attribute', async () => {
    const source = join(bench.root, 'source');
    mkdirSync(source);
    const long = `${'long-name/'.repeat(20)}${'x'.repeat(200)}`;
    execSync(
      `mkdir -p ${join(long, '..')} dir && echo content > ${long} && ln ${long} second && ln -s ${long} symbolic &&
       mkfifo fifo && mknod null c 1 3 && mknod disk b 8 1 && echo x > net && setcap cap_net_raw=ep net &&
       truncate -s 5M sparse && printf end >> sparse && printf mid | dd of=sparse bs=1 seek=1000000 conv=notrunc 2>&1 &&
       echo s > suid && chown 12:34 suid && chmod 6755 suid && chmod 1777 dir && : > empty && echo ü > größe &&
       seq 300000 > big && touch -d '2001-02-03 04:05:06.789012345 UTC' big dir && touch -d '1960-01-01 UTC' empty && chmod 711 .`,
      { cwd: source, shell: '/bin/sh' },
    );
    const tar = join(bench.root, 'source.tar');
    execSync(`tar --format=pax --xattrs --xattrs-include='*' --sparse -C ${source} -cf ${tar} .`);
    const layer = await bench.layers.add({ path: tar });
    const bytes = execSync(`cat ${tar}`, { maxBuffer: 1 << 26 });
    expect(layer.diffId).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    expect((await buffer(await bench.layers.tar(layer.diffId))).equals(bytes)).toBe(true);

    await bench.layers.createWritable(owner, [layer.diffId]);
    const look = `stat -c '%A %u:%g %h %.9Y %t:%T %n' $(find . ! -path './dev*' | sort) | sed 's/^\\(d[^ ]*\\) \\([^ ]*\\) [0-9]*/\\1 \\2/'; find . -type f | sort | xargs sha256sum; stat -c '%s %n' $(find . -type f | sort); getcap net`;
    const expected = execSync(look, { cwd: source, shell: '/bin/sh', encoding: 'utf8' });
    // The root's own time has no fraction: it belongs to the writable layer.
    const plain = (text: string) => text.replace(/^(.*)\.\d{9}( 0:0 \.)$/m, '$1$2');
    expect(plain(inRoot(bench.layers, owner, look))).toBe(plain(expected));

    // Docker's rule: the sizes of all regular files, hard links once (and of symbolic links, their text).
    const sizes = execSync(`find . ! -type d -printf '%i %s\\n' | sort -u | awk '{s += $2} END {print s}'`, {
      cwd: source,
      encoding: 'utf8',
    });
    expect(layer.size).toBe(Number(sizes));
    const entries: LayerEntry[] = [];
    for await (const entry of bench.layers.entries(layer.diffId)) entries.push(entry);
    expect(entries.find(({ path }) => path === 'second')).toMatchObject({
      type: 'hardlink',
      whiteout: false,
    });
    expect(entries.find(({ path }) => path === long)).toMatchObject({ type: 'file', size: 8 });
  });

  test('takes all compressions, and names a layer by its content', async () => {
    const tar = tarOf([{ name: 'file', content: 'same' }]);
    const file = join(bench.root, 'tar');
    writeFileSync(file, tar);
    const xz = execSync(`xz -c ${file}`);
    const bzip2 = execSync(`bzip2 -c ${file}`);
    const ids = [];
    for (const bytes of [
      tar,
      gzipSync(tar),
      zstdCompressSync(tar),
      xz,
      bzip2,
      Buffer.concat([gzipSync(tar), Buffer.alloc(64)]),
    ])
      ids.push((await bench.layers.add(stream(bytes))).diffId);
    expect(new Set(ids)).toEqual(new Set([`sha256:${createHash('sha256').update(tar).digest('hex')}`]));
    expect(bench.layers.list()).toHaveLength(1);
  });

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
    expect(await bench.layers.changes(owner)).toEqual([]);
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
    expect(await bench.layers.changes(owner)).toEqual([{ Path: '/new', Kind: 1 }]);
  });

  test('a hostile tar stays in its layer, or is refused', async () => {
    const victim = join(bench.root, 'victim');
    writeFileSync(victim, 'untouched');
    const inside = await add([
      { name: '../../up', content: 'u' },
      { name: '/absolute', content: 'a' },
      { name: 'out', type: '2', link: '../../../../../../..' },
      { name: `out${bench.root}/written`, content: 'w' },
      { name: 'abs', type: '2', link: bench.root },
      { name: 'abs/victim', content: 'w' },
      { name: 'dev0', type: '3', major: 0, minor: 0 },
    ]);
    await bench.layers.createWritable(owner, [inside.diffId]);
    const seen = inRoot(
      bench.layers,
      owner,
      `ls -d up absolute; cat .${bench.root}/written .${bench.root}/victim; ls -d dev0 2>&- || true`,
    );
    expect(seen).toBe('absolute\nup\nww');
    expect(execSync(`cat ${victim}; ls ${bench.root}`, { encoding: 'utf8' })).toMatch(
      /^untouched(?![\s\S]*written)/,
    );

    const before = left(bench).length;
    const refused: Array<[Buffer, RegExp]> = [
      [tarOf([{ name: 'h', type: '1', link: '/etc/passwd' }]), /no such file/],
      [
        tarOf([
          { name: 'd/', type: '5' },
          { name: 'h', type: '1', link: 'd' },
        ]),
        /not permitted/,
      ],
      [tarOf([{ name: 'l', type: '2', link: 'l' }, { name: 'l/x' }]), /symbolic links/],
      [tarOf([{ name: '.wh.' }]), /whiteout/],
      [tarOf([{ name: '.wh...' }]), /whiteout/],
      [tarOf([{ name: 'f', content: 'x', size: 600 }], { trailer: false }), /unexpected EOF/],
      [tarOf([{ name: 'f' }]).subarray(0, 300), /unexpected EOF/],
      [tarOf([{ name: 'f', size: 2 ** 40 }], { trailer: false }), /unexpected EOF/],
      [tarOf([{ name: 'x', type: 'x', size: 2 ** 24, content: 'x'.repeat(4096) }]), /extended header/],
      [tarOf([{ name: 'f', pax: { size: '-1' } }]), /invalid tar header/],
      [
        tarOf([{ name: 'f', pax: { 'GNU.sparse.map': '0,5,3,9', 'GNU.sparse.size': '12' }, content: 'x' }]),
        /invalid tar header/,
      ],
      [tarOf([{ name: 'f', pax: { [`SCHILY.xattr.user.${'n'.repeat(300)}`]: 'v' } }]), /extended attribute/],
      [tarOf([{ name: 'f', type: 'Z' }]), /unhandled tar header/],
      [tarOf([{ name: 'f', pax: { path: `${'d/'.repeat(1500)}f` } }]), /nested/],
      [tarOf([{ name: 'f', pax: { path: 'x'.repeat(5000) } }]), /too long/],
      [Buffer.alloc(4096, 'no tar'), /invalid tar header/],
      [gzipSync(Buffer.alloc(1 << 20, 'x')).subarray(0, 500), /invalid tar header|unexpected EOF/],
    ];
    for (const [tar, message] of refused)
      await expect(bench.layers.add(stream(tar))).rejects.toMatchObject({
        kind: 'invalid-parameter',
        message: expect.stringMatching(message) as string,
      });
    await settle();
    expect(left(bench)).toHaveLength(before);
  });

  test('nothing is left of an add that fails, is aborted or has another digest', async () => {
    const tar = tarOf([{ name: 'f', content: Buffer.alloc(1 << 20) }]);
    const expected = `sha256:${'0'.repeat(64)}`;
    await expect(bench.layers.add(stream(tar), { expected })).rejects.toThrow(
      /expected "sha256:0+", got "sha256:/,
    );
    await expect(bench.layers.add(stream(tar), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    const control = new AbortController();
    const slow = (async function* () {
      yield tar.subarray(0, 5000);
      control.abort();
      await new Promise((resolve) => setTimeout(resolve, 100));
    })();
    await expect(bench.layers.add(Readable.from(slow), { signal: control.signal })).rejects.toThrow(/abort/);
    const file = join(bench.root, 'file.tar');
    writeFileSync(file, tar);
    await expect(bench.layers.add(createReadStream(file, { end: 700 }))).rejects.toThrow('unexpected EOF');
    await settle();
    expect(left(bench)).toEqual([]);

    // Its place cannot be taken.
    const digest = createHash('sha256').update(tar).digest('hex');
    writeFileSync(join(bench.root, 'layers/layers', digest), '');
    await expect(bench.layers.add(stream(tar))).rejects.toThrow();
    await settle();
    expect(left(bench)).toEqual([digest]);
    rmSync(join(bench.root, 'layers/layers', digest));
  });

  test('after a crash: half-made things go, a damaged layer goes, an undamaged one stays', async () => {
    const good = await add([{ name: 'good', content: 'g' }]);
    const damaged = await add([{ name: 'bad', content: 'b' }]);
    const unknown = await add([{ name: 'unknown' }]);
    await bench.layers.createWritable(owner, [good.diffId]);
    await bench.layers.createWritable('d'.repeat(64), [good.diffId]);
    await settle();
    const at = (diffId: string) => join(bench.root, 'layers/layers', diffId.slice(7));
    for (const { diffId } of [good, damaged]) rmSync(join(at(diffId), 'durable'), { force: true });
    truncateSync(join(at(damaged.diffId), 'tar'), 100);
    for (const name of ['made/half', 'trash/old', 'layers/broken'])
      mkdirSync(join(bench.root, 'layers', name, 'deeper'), { recursive: true });
    await bench.reopen();
    await bench.layers.reconcile({
      diffIds: new Set([good.diffId, damaged.diffId]),
      owners: new Set([owner]),
    });
    expect(bench.layers.list()).toEqual([good]);
    expect(await bench.layers.writables()).toEqual([owner]);
    expect(bench.layers.has(unknown.diffId)).toBe(false);
    expect(inRoot(bench.layers, owner, 'cat good')).toBe('g');
    expect(existsSync(join(at(good.diffId), 'durable'))).toBe(true);
    await settle();
    expect(left(bench).sort()).toEqual([good.diffId.slice(7), owner].sort());
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
    const changes = await bench.layers.changes(owner);
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
    expect(await bench.layers.changes(owner)).toEqual([]);
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

  /** A copied-up file is no hard link of the one below any more. */
  function unlinked(line: string): string {
    return line
      .replace(/^h/, '-')
      .replace(/ link to .*/, '')
      .replace(/^(-\S+ \S+) \d+/, '$1');
  }

  test("an export has the engine's init mount points, which are no changes", async () => {
    const base = await add([
      { name: 'etc/', type: '5' },
      { name: 'etc/hosts', content: 'own' },
    ]);
    await bench.layers.createWritable(owner, [base.diffId], { places: true });
    expect(await bench.layers.changes(owner)).toEqual([]);
    const archive = bench.layers.archive(owner, { folder: '/srv/app' });
    expect((await archive.stat('/etc/hosts')).size).toBe(3);
    expect((await bench.layers.changes(owner)).map(({ Path }) => Path)).toEqual(['/srv', '/srv/app']);
    const names = listed(await buffer(await archive.export()), bench.root).map((line) =>
      line.split(' ').slice(5).join(' '),
    );
    expect(names).toEqual(
      expect.arrayContaining(['dev/console', '.dockerenv', 'dev/pts/', 'etc/resolv.conf', 'proc/', 'sys/']),
    );
  });

  test('a writable layer is on record as soon as it is asked for: a flush of then has it', async () => {
    const made = bench.layers.createWritable(owner, []);
    expect(bench.store.collection('writable_layers').has(owner)).toBe(true);
    await made;
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
