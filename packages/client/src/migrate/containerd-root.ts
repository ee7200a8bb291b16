import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type BoltEntry, readBolt } from './bolt.ts';
import { ContentStore, type Descriptor } from './content-store.ts';

/** The namespace that dockerd uses in containerd, and the snapshotter that it uses unless told otherwise. */
const NAMESPACE = 'moby';
const SNAPSHOTTER = 'overlayfs';
/** dockerd's name for an image without a tag. */
const DANGLING = 'moby-dangling@';
/** The label by which an image of the classic builder names the one that it was made of. */
const PARENT = 'org.mobyproject.image.parent';

/** An image of dockerd's in containerd. */
export interface ContainerdImage {
  /** Under which dockerd knows it: the digest of its index or manifest. */
  source: string;
  /** Under which it will be known here: the digest of its configuration for this platform. */
  id: string;
  names: string[];
  target: Descriptor;
  content: ContentStore;
}

const STORAGE = `io.containerd.snapshotter.v1.${SNAPSHOTTER}`;
const DATABASE = 'io.containerd.metadata.v1.bolt/meta.db';

/** Reads what dockerd has in its containerd, and changes nothing there (containerd's docs/content-flow.md). */
export class ContainerdRoot {
  private readonly folder: string;
  private readonly content: ContentStore;
  /** The values of the namespace in containerd's database, by their paths in it. */
  private readonly entries: Map<string, Buffer>;
  private read: Map<string, Buffer> | undefined;
  private readonly cannot: (what: string, why: string) => void;

  /** @throws when its database cannot be read. */
  constructor(folder: string, cannot: (what: string, why: string) => void) {
    this.folder = folder;
    this.cannot = cannot;
    this.content = new ContentStore(folder);
    this.entries = byPath(
      readBolt(join(folder, DATABASE)).flatMap(({ path: [version, namespace, ...path], value }) =>
        version === 'v1' && namespace === NAMESPACE ? [{ path, value }] : [],
      ),
    );
  }

  /** Whether a containerd has its data in a folder. */
  static isThere(folder: string): boolean {
    return existsSync(join(folder, DATABASE));
  }

  /** The images, but for steps of the classic builder that are not in `used`, the digests of those that containers have. */
  images(used: ReadonlySet<string>): ContainerdImage[] {
    const records = new Map<string, { target: Descriptor; parent: string }>();
    for (const [path, value] of this.entries) {
      const [kind, name, ...field] = path.split('\0');
      if (kind !== 'images' || name === undefined) continue;
      const record = records.get(name) ?? { target: { mediaType: '', digest: '', size: 0 }, parent: '' };
      records.set(name, record);
      const at = field.join(' ');
      if (at === 'target digest') record.target.digest = value.toString();
      if (at === 'target mediatype') record.target.mediaType = value.toString();
      if (at === `labels ${PARENT}`) record.parent = value.toString();
    }
    const steps = new Set([...records.values()].map(({ parent }) => parent));
    const found = new Map<string, ContainerdImage>();
    for (const [name, { target }] of records) {
      const source = target.digest;
      const named = !name.includes('@');
      try {
        const image = found.get(source) ?? this.image(target);
        // As users write them: Docker's own registry and its folder of official images go without saying.
        if (named) image.names.push(name.replace(/^docker\.io\/(library\/)?/, ''));
        found.set(source, image);
      } catch (error) {
        this.cannot(`image ${name.replace(DANGLING, '')}`, (error as Error).message);
      }
    }
    return [...found.values()].filter(
      ({ names, source }) => names.length > 0 || used.has(source) || !steps.has(source),
    );
  }

  private image(target: Descriptor): ContainerdImage {
    const { manifest } = this.content.runnable(target.digest);
    const id = manifest.config!.digest.replace(/^sha256:/, '');
    const size = this.content.size(target.digest);
    return { source: target.digest, id, names: [], target: { ...target, size }, content: this.content };
  }

  /** A container's own folder and those below it, the topmost first. @throws when its snapshot is missing */
  folders(container: string): { upper: string; lower: string[] } {
    const { snapshots } = this;
    const found: string[] = [];
    const seen = new Set<string>();
    const own = this.entries.get(pathKey('snapshots', SNAPSHOTTER, container, 'name'));
    for (let key = own?.toString(); key !== undefined; ) {
      const id = snapshots.get(pathKey('v1', 'snapshots', key, 'id'));
      if (id === undefined || seen.has(key)) throw new Error(`its snapshot ${key} is missing`);
      seen.add(key);
      found.push(join(this.folder, STORAGE, 'snapshots', String(uvarint(id)), 'fs'));
      key = snapshots.get(pathKey('v1', 'snapshots', key, 'parent'))?.toString();
    }
    const [upper, ...lower] = found;
    if (upper === undefined) throw new Error('its snapshot is missing');
    return { upper, lower };
  }

  /** The snapshotter's own database, which is read once for all containers. */
  private get snapshots(): Map<string, Buffer> {
    this.read ??= byPath(readBolt(join(this.folder, STORAGE, 'metadata.db')));
    return this.read;
  }
}

const pathKey = (...path: string[]): string => path.join('\0');

/** The values of a database by their paths. */
const byPath = (entries: readonly BoltEntry[]): Map<string, Buffer> =>
  new Map(entries.map(({ path, value }) => [pathKey(...path), value]));

/** A number as Go's encoding/binary writes it by PutUvarint. @throws when it is none, or too large */
function uvarint(bytes: Buffer): number {
  let value = 0;
  for (const [index, byte] of bytes.entries()) {
    if (index > 7) throw new Error('a number of containerd is too large');
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  throw new Error('a number of containerd ends early');
}
