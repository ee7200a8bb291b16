import { createHash } from 'node:crypto';
import { TestDaemon } from '../../support/daemon.ts';
import { type TarEntry, tarOfEntries } from '../../support/tar.ts';

// Archives of images that an enemy wrote. The daemon's watchdog fails the suite when one holds the event loop.

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon?.dispose());

const INDEX = 'application/vnd.oci.image.index.v1+json';

/** An archive under construction: blobs are named by their digests. */
class Archive {
  readonly #entries: TarEntry[] = [];

  add(name: string, body: string): this {
    this.#entries.push({ name, body });
    return this;
  }

  blob(body: string): string {
    const hex = createHash('sha256').update(body).digest('hex');
    this.add(`blobs/sha256/${hex}`, body);
    return `sha256:${hex}`;
  }

  async load(): Promise<string> {
    const { text } = await daemon.call('POST', '/images/load', tarOfEntries(this.#entries));
    return text;
  }
}

const config = (values: object = {}) =>
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] }, ...values });

/** A manifest of an image without layers. */
function emptyImage(archive: Archive): string {
  const digest = archive.blob(config());
  return archive.blob(JSON.stringify({ schemaVersion: 2, config: { digest }, layers: [] }));
}

test('indexes within indexes are not walked without end', async () => {
  const archive = new Archive();
  let within = emptyImage(archive);
  for (let level = 0; level < 4; level += 1)
    within = archive.blob(
      JSON.stringify({
        mediaType: INDEX,
        level,
        manifests: Array(64).fill({ mediaType: INDEX, digest: within }),
      }),
    );
  archive.add(
    'index.json',
    JSON.stringify({ manifests: Array(64).fill({ mediaType: INDEX, digest: within }) }),
  );
  expect(await archive.load()).toContain('the archive tells of more than 20000');
});

test('an index within an index has few entries: they are registered together', async () => {
  const archive = new Archive();
  const image = emptyImage(archive);
  const many = archive.blob(
    JSON.stringify({ mediaType: INDEX, manifests: Array(5000).fill({ digest: image }) }),
  );
  archive.add('index.json', JSON.stringify({ manifests: [{ mediaType: INDEX, digest: many }] }));
  expect(await archive.load()).toContain('more than 256 entries');
});

test('the parents of many images are found in linear time', async () => {
  const archive = new Archive();
  const images = Array.from({ length: 3000 }, (_, index) => {
    const raw = config({ comment: `${index}` });
    archive.add(`${index}.json`, raw);
    return { id: `sha256:${createHash('sha256').update(raw).digest('hex')}`, Config: `${index}.json` };
  });
  const described = images.map(({ Config }, index) => ({
    Config,
    Layers: [],
    RepoTags: [],
    Parent: images[index + 1]?.id ?? images[0]!.id,
  }));
  // The last is no image: that is found once their order is known.
  archive.add('manifest.json', JSON.stringify([...described, { Config: '0.json', Layers: ['nowhere'] }]));
  const began = performance.now();
  expect(await archive.load()).toContain('layers length mismatch');
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('a large configuration that many images name is read once', async () => {
  const archive = new Archive().add('c.json', config({ comment: 'x'.repeat(7 << 20) }));
  const image = { Config: 'c.json', Layers: ['nowhere'], RepoTags: [] };
  archive.add('manifest.json', JSON.stringify(Array(2000).fill(image)));
  expect(await archive.load()).toContain('layers length mismatch');
});

test.each([
  ['manifest.json', `[${'{},'.repeat(2 << 20)}{}]`],
  ['index.json', `{"manifests":[${'{},'.repeat(2 << 20)}{}]}`],
])('%s with values without measure is refused', async (name, body) => {
  expect(await new Archive().add(name, body).load()).toContain('exceeded max number of values');
});

test('a configuration with values without measure is refused', async () => {
  const archive = new Archive().add('c.json', `{"history":[${'{},'.repeat(2 << 20)}{}]}`);
  archive.add('manifest.json', JSON.stringify([{ Config: 'c.json', Layers: [], RepoTags: [] }]));
  expect(await archive.load()).toContain('exceeded max number of values');
});
