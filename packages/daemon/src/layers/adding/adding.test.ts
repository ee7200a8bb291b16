import { execSync } from 'node:child_process';
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
import type { LayerEntry } from '../api.ts';
import { openLayerReader } from '../reader.ts';
import { type Bench, inRoot, type Member, openBench, stream, tarOf } from '../testing.ts';

const owner = 'c'.repeat(64);

/** The names in the room's folders, of layers as of what is on its way. */
const left = (bench: Bench) =>
  ['made', 'trash', 'layers', 'writable'].flatMap((name) => readdirSync(join(bench.root, 'layers', name)));

/** Files that are thrown away go a moment later. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 200));

describe.each(['erofs', 'folder'] as const)('adding layers as %s', (driver) => {
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
    const reader = openLayerReader(bench.layers.files([layer.diffId]));
    for await (const entry of reader.entries(layer.diffId)) entries.push(entry);
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
    await expect(bench.layers.add(stream(tar))).rejects.toThrow(`layer ${digest}: not a directory`);
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
});
