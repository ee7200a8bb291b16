import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { stream, tarOf } from '../layers/testing.ts';
import type { Progress } from './api.ts';
import { archiveError } from './archives/archive.ts';
import { digestOf, goTime } from './config.ts';
import { TestImages } from './registry/testing/images.ts';

const signal = () => AbortSignal.timeout(30_000);

/** A tar whose members are small files. */
const archive = (files: Record<string, string | Buffer>) =>
  tarOf(Object.entries(files).map(([name, content]) => ({ name, content })));

const blob = (digest: string) => `blobs/sha256/${digest.slice('sha256:'.length)}`;

/** An OCI layout of one image for several platforms, its layers compressed, under an index. */
function layoutOf(name: string, platforms: string[]): Buffer {
  const files: Record<string, string | Buffer> = { 'oci-layout': '{"imageLayoutVersion":"1.0.0"}' };
  const add = (mediaType: string, body: string | Buffer) => {
    const digest = digestOf(body);
    files[blob(digest)] = body;
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest, size: Buffer.byteLength(body) };
  };
  const manifests = platforms.map((platform) => {
    const [os, architecture] = platform.split('/');
    const tar = archive({ platform });
    const config = {
      os,
      architecture,
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created_by: 'test' }],
    };
    const manifest = {
      schemaVersion: 2,
      config: add('config.v1+json', JSON.stringify(config)),
      layers: [add('layer.v1.tar+gzip', gzipSync(tar))],
    };
    return { ...add('manifest.v1+json', JSON.stringify(manifest)), platform: { os, architecture } };
  });
  const index = add('index.v1+json', JSON.stringify({ schemaVersion: 2, manifests }));
  files['index.json'] = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ ...index, annotations: { 'io.containerd.image.name': `docker.io/library/${name}` } }],
  });
  return archive(files);
}

describe('images', () => {
  let room: TestImages;
  beforeEach(async () => {
    room = await new TestImages().open();
  });
  afterEach(() => room.dispose());

  async function load(tar: Buffer, ...platforms: string[]): Promise<string[]> {
    const lines: Progress[] = [];
    await room.images.load(stream(tar), {
      signal: signal(),
      onProgress: (line) => void lines.push(line),
      platforms,
    });
    return lines.flatMap((line) => (line['stream'] === undefined ? [] : [String(line['stream'])]));
  }

  const save = async (names: string[], ...platforms: string[]) =>
    buffer(await room.images.save(names, { signal: signal(), platforms }));

  const layersLeft = () => room.layers.list().length;

  test('what is saved and removed comes back the same', async () => {
    const id = await room.make('app', 'content');
    await room.images.tag(id, 'other/app', '2');
    const saved = await save(['app', 'other/app:2']);
    await room.images.remove('app', { force: false, noprune: false });
    expect(await room.images.remove('other/app:2', { force: false, noprune: false })).toHaveLength(3);
    expect(layersLeft()).toBe(0);
    expect(await load(saved)).toEqual(['Loaded image: app:latest\n', 'Loaded image: other/app:2\n']);
    expect(room.images.resolve('app').id).toBe(id);
    expect(await save(['app', 'other/app:2'])).toEqual(saved);
    // And a daemon that comes after knows it.
    await room.reopen();
    expect(room.images.resolve('other/app:2').repoTags).toEqual(['app:latest', 'other/app:2']);
  });

  test('an archive that is broken leaves nothing', async () => {
    await room.make('app', 'x'.repeat(100_000));
    const saved = await save(['app']);
    await room.images.remove('app', { force: false, noprune: false });
    const flipped = Buffer.from(saved);
    flipped[saved.indexOf('xxxxxxxx') + 5000] = 0x79;
    await expect(load(flipped)).rejects.toThrow(/sha256/);
    await expect(load(saved.subarray(0, 60_000))).rejects.toThrow('unexpected EOF');
    await expect(load(Buffer.from('no archive'.repeat(200)))).rejects.toThrow(
      'archive/tar: invalid tar header',
    );
    expect(room.images.list()).toEqual([]);
    expect(layersLeft()).toBe(0);
  });

  test('an image that a container uses stays, and its layers until the container is gone', async () => {
    const id = await room.make('app', 'content');
    let users = [{ id: 'c'.repeat(64), running: true }];
    room.images.setUsers((image) => (image === id ? users : []));
    await expect(room.images.remove('app', { force: false, noprune: false })).rejects.toThrow(
      'conflict: unable to remove repository reference "app" (must force) - container cccccccccccc is using its referenced image',
    );
    users = [{ id: 'c'.repeat(64), running: false }];
    await room.images.remove(id, { force: true, noprune: false });
    expect(room.images.list()).toEqual([]);
    expect(layersLeft()).toBe(1);
    users = [];
    await room.images.collect(id);
    expect(layersLeft()).toBe(0);
  });

  test('a prune leaves what a build stands on, and takes it when the build is over', async () => {
    const layer = await room.layers.add(stream(archive({ step: 'content' })));
    const releases: Array<() => void> = [];
    const made = (id: string) => void releases.push(room.images.building(id));
    const step = { made, admit: () => undefined };
    const config = { config: {}, history: {}, step };
    const first = await room.images.create({ ...config, layer });
    const second = await room.images.create({ ...config, parent: first, layer });
    const prune = async () => (await room.images.prune({})).ImagesDeleted;
    expect(await prune()).toBeNull();
    expect(
      room.images
        .list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([first, second].sort());
    for (const release of releases) release();
    expect(await prune()).toContainEqual({ Deleted: first });
    expect(layersLeft()).toBe(0);
  });

  test('an image of several platforms is one, whatever is asked of it', async () => {
    const layout = layoutOf('multi:1', ['linux/s390x', 'linux/amd64', 'linux/arm64']);
    await load(layout);
    const architecture = (platform: string) =>
      room.images.resolve('multi:1', { platform }).config.architecture;
    expect(architecture('linux/arm64')).toBe('arm64');
    expect(architecture('linux/s390x')).toBe('s390x');
    expect(() => architecture('linux/riscv64')).toThrow('does not match the specified platform');
    expect(room.images.summaries({}).map(({ RepoTags }) => RepoTags)).toEqual([['multi:1']]);
    expect((await room.images.prune({})).ImagesDeleted).toBeNull();
    const [all, one] = [await save(['multi:1']), await save(['multi:1'], 'linux/s390x')];
    await room.images.remove('multi:1', { force: false, noprune: false });
    expect(layersLeft()).toBe(0);
    await load(all);
    expect(architecture('linux/s390x')).toBe('s390x');
    await room.images.remove('multi:1', { force: false, noprune: false });
    await load(one);
    expect(room.images.list().map(({ config }) => config.architecture)).toEqual(['s390x']);
    await room.images.remove('multi:1', { force: false, noprune: false });
    await load(layout, 'linux/arm64');
    expect(room.images.list().map(({ config }) => config.architecture)).toEqual(['arm64']);
    await expect(load(layout, 'linux/riscv64')).rejects.toThrow('no image for the platform linux/riscv64');
  });

  test('what an image is made of is told, here or not, and goes by platform', async () => {
    const layout = layoutOf('multi:1', ['linux/s390x', 'linux/amd64', 'linux/arm64']);
    await load(layout, 'linux/amd64', 'linux/arm64');
    const listed = () => room.images.summaries({ manifests: true })[0];
    const shown = () =>
      listed()?.Manifests?.map(({ ImageData, Available }) => [ImageData?.Platform.architecture, Available]);
    expect(listed()?.Descriptor?.mediaType).toBe('application/vnd.oci.image.index.v1+json');
    expect(shown()).toEqual([
      ['s390x', false],
      ['amd64', true],
      ['arm64', true],
    ]);
    const { Descriptor, RepoTags, Manifests } = room.images.inspect('multi:1', { platform: 'linux/arm64' });
    expect(Manifests).toBeUndefined();
    expect(RepoTags).toEqual(['multi:1']);
    expect(Descriptor).toEqual(listed()?.Manifests?.[2]?.Descriptor);
    const both = listed()!.Size;
    // An archive of two platforms holds both.
    const saved = await save(['multi:1'], 'linux/arm64', 'linux/amd64');

    const remove = (platform: string, force = true) =>
      room.images.remove('multi:1', { force, noprune: false, platforms: [platform] });
    await expect(remove('linux/amd64', false)).rejects.toThrow('to force delete');
    await expect(remove('linux/s390x')).rejects.toThrow(
      'does not provide the specified platform (linux/s390x)',
    );
    // The names stay with what is left.
    expect(await remove('linux/amd64')).toHaveLength(2);
    expect(shown()).toEqual([
      ['s390x', false],
      ['amd64', false],
      ['arm64', true],
    ]);
    expect(room.images.resolve('multi:1').config.architecture).toBe('arm64');
    expect(listed()!.Size).toBeLessThan(both);
    expect((await remove('linux/arm64'))[0]).toEqual({ Untagged: 'multi:1' });
    expect(room.images.list()).toEqual([]);
    expect(layersLeft()).toBe(0);
    await load(saved);
    expect(shown()?.map(([, available]) => available)).toEqual([true, true]);
  });

  test('an image that was made here has the manifest that its archive has', async () => {
    await room.make('app', 'content');
    const { Descriptor, Manifests } = room.images.inspect('app', { manifests: true });
    expect(Manifests).toEqual([
      expect.objectContaining({ ID: Descriptor!.digest, Available: true, Kind: 'image' }),
    ]);
    expect((await save(['app'])).includes(Descriptor!.digest)).toBe(true);
    expect(room.images.manifest(room.images.resolve('app').id)).toMatchObject({
      ...Descriptor,
      platform: { os: 'linux' },
    });
  });

  test('images that are saved with their parents have them when they come back', async () => {
    const parent = await room.make('app', 'content');
    const step = (from: string) => room.images.create({ parent: from, config: {}, history: {} });
    const child = await step(parent);
    const saved = await save([child, parent]);
    const alone = await save([child]);
    for (const id of [child, parent]) await room.images.remove(id, { force: true, noprune: false });
    await load(saved);
    expect(room.images.get(child)?.parent).toBe(parent);
    expect(room.images.get(parent)?.parent).toBe('');
    await room.images.remove(child, { force: true, noprune: true });
    await load(alone);
    expect(room.images.get(child)?.parent).toBe('');
  });

  test('a layer that the new image does not list goes again', async () => {
    const before = room.layers.list().length;
    const empty = await room.layers.add(stream(Buffer.alloc(1024)));
    await room.images.create({ config: {}, layer: empty, history: {} });
    expect(room.layers.has(empty.diffId)).toBe(false);
    const lost = await room.layers.add(stream(tarOf([{ name: 'file', content: 'text' }])));
    const made = room.images.create({ parent: 'sha256:0', config: {}, layer: lost, history: {} });
    await expect(made).rejects.toThrow('No such image');
    expect(room.layers.list()).toHaveLength(before);
  });

  test('an image that does not say when it was made is one all the same', async () => {
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: null,
      rootfs: { type: 'layers', diff_ids: null },
    });
    const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: null, Layers: null }]);
    await load(archive({ 'config.json': config, 'manifest.json': manifest }));
    const id = digestOf(config);
    expect(room.images.inspect(id)).not.toHaveProperty('Created');
    expect(room.images.summaries({}).map((image) => [image.Id, image.Created])).toEqual([[id, 0]]);
  });

  test('of several times until which images are listed the earliest counts, to the nanosecond', async () => {
    await room.make('app', 'content');
    const { Created = '' } = room.images.inspect('app');
    const count = (...until: string[]) => room.images.summaries({ filters: { until } }).length;
    expect(count('2100-01-01', '2100-01-01T10:00:00Z')).toBe(1);
    expect(count('2100-01-01', Created)).toBe(0);
    const [seconds, fraction = ''] = Created.slice(0, -1).split('.');
    expect(count(`${seconds}.${fraction.padEnd(9, '0').slice(0, 8)}9Z`)).toBe(1);
    await expect(room.images.prune({ until: ['2100-01-01', '2100-01-01'] })).rejects.toThrow(
      'more than one until filter specified',
    );
  });
});

test('times are written as Go writes them', () => {
  expect(goTime('2026-01-02T03:04:50.120000Z')).toBe('2026-01-02T03:04:50.12Z');
  expect(goTime('2026-01-02T03:04:50.000+02:00')).toBe('2026-01-02T03:04:50+02:00');
  expect(goTime('2026-01-02T03:04:50Z')).toBe('2026-01-02T03:04:50Z');
});

test('an abort within an archive is told as it is, its code being a number', () => {
  const abort = new DOMException('aborted', 'AbortError');
  expect(archiveError(abort)).toBe(abort);
});
