import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../base/errors.ts';
import { type BoltEntry, readBolt } from './bolt.ts';
import { type ContainerdImage, ContainerdRoot } from './containerd-root.ts';

/** A layer as dockerd keeps it. */
export interface DockerLayer {
  diffId: string;
  /** The folder of the layer's files (`overlay2/ID/diff`). */
  folder: string;
  /** The record that its tar is made of again. */
  record: string;
}

export interface DockerImage {
  /** The name that containers have for it: its id. */
  source: string;
  id: string;
  /** The configuration, byte for byte: the image's id is its digest. */
  config: Buffer;
  names: string[];
  /** From the bottom. */
  layers: DockerLayer[];
}

/** An image of either store. */
export type Image = DockerImage | ContainerdImage;

export interface DockerVolume {
  Name: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
  folder: string;
}

/** The members of config.v2.json that count here. */
export interface DockerContainer {
  ID: string;
  Name: string;
  Driver: string;
  Image: string;
  Config: Record<string, unknown> & { Hostname?: string; Image: string };
  State: { Running?: boolean; Paused?: boolean };
  NetworkSettings?: { Networks?: Record<string, Record<string, unknown>> | null };
  MountPoints?: Record<
    string,
    { Type: string; Name?: string; Driver?: string; Destination: string; RW: boolean }
  > | null;
  HostConfig: Record<string, unknown>;
  /** The container's own layer; `lower` are the folders below it, the topmost first. */
  upper: string;
  lower: string[];
}

/** A network's record in libnetwork's store. */
export interface DockerNetwork {
  name: string;
  networkType: string;
  scope: string;
  internal?: boolean;
  attachable?: boolean;
  ingress?: boolean;
  configFrom?: string;
  configOnly?: boolean;
  enableIPv6?: boolean;
  labels?: Record<string, string>;
  generic?: { 'com.docker.network.generic'?: Record<string, string> };
  ipamType?: string;
  ipamOptions?: Record<string, string>;
  ipamV4Config?: string;
  ipamV6Config?: string;
}

const json = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
const text = (file: string): string => readFileSync(file, 'utf8').trim();
const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
const hex = (id: string): string => id.replace(/^sha256:/, '');

/** Whether a text is the name of something in a folder, and cannot lead elsewhere. */
const isName = (name: string): boolean => /^[0-9a-zA-Z][\w.-]*$/.test(name);

/** The name that a file's text is. @throws when it is none. */
function nameIn(file: string): string {
  const name = text(file);
  if (!isName(name)) throw new Error(`${file} is damaged: it holds no name`);
  return name;
}

/** The data root of a containerd that is a service of its own and not started by dockerd. */
const SYSTEM = '/var/lib/containerd';

/** Reads dockerd's data root, and changes nothing in it. What cannot be read is told to `cannot`, and left out. */
export class DockerRoot {
  readonly folder: string;
  private readonly cannot: (what: string, why: string) => void;
  private readonly containerd: ContainerdRoot | undefined;

  /**
   * `containerd` is the root of dockerd's containerd; empty: the one that dockerd started itself, or else the system's.
   * @throws CliError when it is none, or none that can be read.
   */
  constructor(folder: string, containerd: string, cannot: (what: string, why: string) => void) {
    this.folder = folder;
    this.cannot = cannot;
    if (!existsSync(join(folder, 'containers')) || !existsSync(join(folder, 'volumes')))
      throw new CliError(
        `${folder} is no data root of dockerd: it has no folders "containers" and "volumes"`,
      );
    // The mount points of containers whose layers are in containerd.
    const usual = existsSync(join(folder, 'rootfs')) ? [join(folder, 'containerd/daemon'), SYSTEM] : [];
    if (containerd !== '' && !ContainerdRoot.isThere(containerd))
      throw new CliError(`${containerd} is no data root of a containerd`);
    const found = containerd || usual.find(ContainerdRoot.isThere);
    this.containerd = found === undefined ? undefined : new ContainerdRoot(found, cannot);
  }

  /** The names of storage drivers whose images and containers are there, besides the one that can be read. */
  otherDrivers(): string[] {
    return list(join(this.folder, 'image')).filter((name) => name !== 'overlay2');
  }

  private layers(): Map<string, DockerLayer> {
    const base = join(this.folder, 'image/overlay2/layerdb/sha256');
    return new Map(
      list(base).flatMap((chain): [string, DockerLayer][] => {
        const at = (name: string) => join(base, chain, name);
        try {
          const folder = join(this.folder, 'overlay2', nameIn(at('cache-id')), 'diff');
          return [[chain, { diffId: text(at('diff')), folder, record: at('tar-split.json.gz') }]];
        } catch (error) {
          this.cannot(`layer ${chain.slice(0, 12)}`, (error as Error).message);
          return [];
        }
      }),
    );
  }

  /** The layers whose topmost has the given chain id, from there down. */
  private chain(layers: Map<string, DockerLayer>, top: string): DockerLayer[] {
    const found = new Set<DockerLayer>();
    const parent = (id: string) => join(this.folder, 'image/overlay2/layerdb/sha256', id, 'parent');
    for (let id = hex(top); id !== ''; id = existsSync(parent(id)) ? hex(text(parent(id))) : '') {
      const layer = layers.get(id);
      if (!layer) throw new Error(`its layer ${id} is missing`);
      if (found.has(layer)) throw new Error(`its layer ${id} stands on itself`);
      found.add(layer);
    }
    return [...found];
  }

  /** The images, but for steps of builds that are not in `used`, the names that containers have for theirs. */
  images(used: ReadonlySet<string>): Image[] {
    return [...this.overlayImages(used), ...(this.containerd?.images(used) ?? [])];
  }

  private overlayImages(used: ReadonlySet<string>): DockerImage[] {
    const base = join(this.folder, 'image/overlay2');
    const repositories = existsSync(join(base, 'repositories.json'))
      ? json<{ Repositories?: Record<string, Record<string, string>> }>(join(base, 'repositories.json'))
          .Repositories
      : {};
    const names = new Map<string, string[]>();
    // Digests of a registry are learned again by a pull.
    for (const references of Object.values(repositories ?? {}))
      for (const [name, id] of Object.entries(references))
        if (!name.includes('@')) names.set(hex(id), [...(names.get(hex(id)) ?? []), name]);
    // Steps of the classic builder, which are images too: the last one has all their layers.
    const steps = new Set(
      list(join(base, 'imagedb/metadata/sha256')).flatMap((id) => {
        const parent = join(base, 'imagedb/metadata/sha256', id, 'parent');
        return existsSync(parent) ? [hex(text(parent))] : [];
      }),
    );
    const byDiff = new Map([...this.layers().values()].map((layer) => [layer.diffId, layer]));
    return list(join(base, 'imagedb/content/sha256')).flatMap((id) => {
      if (steps.has(id) && !names.has(id) && !used.has(`sha256:${id}`)) return [];
      try {
        const config = readFileSync(join(base, 'imagedb/content/sha256', id));
        const { rootfs } = JSON.parse(config.toString()) as { rootfs?: { diff_ids?: string[] } };
        const layers = (rootfs?.diff_ids ?? []).map((diffId) => {
          const layer = byDiff.get(diffId);
          if (!layer) throw new Error(`its layer ${diffId} is missing`);
          return layer;
        });
        return [{ source: `sha256:${id}`, id, config, names: names.get(id) ?? [], layers }];
      } catch (error) {
        this.cannot(`image ${names.get(id)?.[0] ?? id.slice(0, 12)}`, (error as Error).message);
        return [];
      }
    });
  }

  containers(): DockerContainer[] {
    const layers = this.layers();
    return list(join(this.folder, 'containers')).flatMap((id) => {
      try {
        const at = (name: string) => join(this.folder, 'containers', id, name);
        const record = json<DockerContainer>(at('config.v2.json'));
        const HostConfig = json<Record<string, unknown>>(at('hostconfig.json'));
        return [{ ...record, HostConfig, ...this.folders(id, record.Driver, layers) }];
      } catch (error) {
        this.cannot(`container ${id.slice(0, 12)}`, (error as Error).message);
        return [];
      }
    });
  }

  /** A container's own layer, and the folders below it. */
  private folders(
    id: string,
    driver: string,
    layers: Map<string, DockerLayer>,
  ): Pick<DockerContainer, 'upper' | 'lower'> {
    if (driver === 'overlayfs' && this.containerd) return this.containerd.folders(id);
    if (driver !== 'overlay2')
      throw new Error(
        `it is of the storage driver ${driver}, not overlay2 or containerd's overlayfs: bring it over by 'docker commit' and 'docker save'`,
      );
    const mount = (name: string) => join(this.folder, 'image/overlay2/layerdb/mounts', id, name);
    const layer = (name: string) => join(this.folder, 'overlay2', nameIn(mount(name)), 'diff');
    const parents = existsSync(mount('parent'))
      ? this.chain(layers, text(mount('parent'))).map(({ folder }) => folder)
      : [];
    return { upper: layer('mount-id'), lower: [layer('init-id'), ...parents] };
  }

  volumes(): DockerVolume[] {
    const base = join(this.folder, 'volumes');
    const known = new Map<string, Omit<DockerVolume, 'folder'>>();
    for (const { path, value } of this.records(join(base, 'metadata.db')))
      if (path[0] === 'volumes' && path[1] !== undefined && isName(path[1]))
        this.read(`the labels of volume ${path[1]}`, () => known.set(path[1]!, JSON.parse(value.toString())));
    const folders = list(base).filter((name) => isName(name) && existsSync(join(base, name, '_data')));
    return [...new Set([...folders, ...known.keys()])].sort().map((Name) => ({
      Driver: 'local',
      Labels: null,
      Options: null,
      ...known.get(Name),
      Name,
      folder: join(base, Name, '_data'),
    }));
  }

  /** The networks that are not the engine's own. */
  networks(): DockerNetwork[] {
    const networks: DockerNetwork[] = [];
    for (const { path, value } of this.records(join(this.folder, 'network/files/local-kv.db'))) {
      const key = path.at(-1)!;
      if (!key.startsWith('docker/network/v1.0/network/')) continue;
      this.read(`network ${key.split('/').at(-1)}`, () => {
        const network = JSON.parse(value.subarray(value.indexOf('{')).toString()) as DockerNetwork;
        if (!['bridge', 'host', 'none'].includes(network.name)) networks.push(network);
      });
    }
    return networks;
  }

  /** The entries of a database of bolt; none where there is no file. */
  private records(file: string): BoltEntry[] {
    if (!existsSync(file)) return [];
    return this.read(`what ${file} holds`, () => readBolt(file)) ?? [];
  }

  /** Reads one thing; undefined when that fails, which is told. */
  private read<T>(what: string, reading: () => T): T | undefined {
    try {
      return reading();
    } catch (error) {
      this.cannot(what, (error as Error).message);
      return undefined;
    }
  }
}
