import { messageOf } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';
import { type Api, ApiError } from '../transport/api.ts';
import { type Extra, imageArchive, layoutArchive } from './archive.ts';
import type { DockerContainer, DockerNetwork, DockerRoot, DockerVolume, Image } from './docker-root.ts';
import { changesTar, copyVolume } from './native.ts';
import { containerBody, containerName, inOrder, networkBody, networkObstacle } from './requests.ts';

/** The kinds of objects that are taken over. */
export interface Wanted {
  images: boolean;
  volumes: boolean;
  networks: boolean;
  containers: boolean;
  /** Say only what would be done. */
  dryRun: boolean;
}

type Inspections = 'ImageInspect' | 'ContainerInspect' | 'VolumeInspect' | 'NetworkInspect';

/** Bytes of a tar without a file in it. */
const EMPTY_TAR = 1024;

/** Takes over what a data root of dockerd's has. Each thing that cannot be taken is told, and the others are. */
export class Migration {
  private readonly cli: Cli;
  private readonly api: Api;
  private readonly wanted: Wanted;
  private readonly taken = new Map<string, number>();
  readonly obstacles: string[] = [];

  constructor(cli: Cli, api: Api, wanted: Wanted) {
    this.cli = cli;
    this.api = api;
    this.wanted = wanted;
  }

  /** Notes what stays behind. */
  readonly cannot = (what: string, why: string): void => {
    this.obstacles.push(what);
    this.cli.warn(`not taken: ${what}: ${why}\n`);
  };

  private note(kind: string, name: string, more = ''): void {
    this.taken.set(kind, (this.taken.get(kind) ?? 0) + 1);
    this.cli.print(
      `${this.wanted.dryRun ? 'would take' : 'taken'}: ${kind} ${name}${more ? ` (${more})` : ''}\n`,
    );
  }

  /** Does `work` for one thing; an error is told, and a conflict means that it is here already. */
  private async take(kind: string, name: string, work: () => Promise<unknown>, more = ''): Promise<boolean> {
    try {
      if (!this.wanted.dryRun) await work();
      this.note(kind, name, more);
      return true;
    } catch (error) {
      this.cannot(`${kind} ${name}`, messageOf(error).replace(/^Error response from daemon: /, ''));
      return false;
    }
  }

  /** In one line: how much was taken. */
  summary(): string {
    const counts = [...this.taken].map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`);
    const left = this.obstacles.length;
    const verb = this.wanted.dryRun ? 'would be taken' : 'taken';
    return `${counts.join(', ') || 'nothing'} ${verb}${left ? `, ${left} not` : ''}`;
  }

  async run(root: DockerRoot): Promise<void> {
    const containers = inOrder(root.containers());
    const images = root.images(new Set(containers.map((container) => container.Image)));
    if (this.wanted.images) await this.images(images);
    if (this.wanted.volumes) for (const volume of root.volumes()) await this.volume(volume);
    if (this.wanted.networks) for (const network of root.networks()) await this.network(network);
    if (!this.wanted.containers) return;
    const names = new Map(containers.map((container) => [container.ID, containerName(container)]));
    for (const container of containers) await this.container(container, images, names);
  }

  private async here(
    path: `/${'images' | 'containers'}/${string}/json` | `/${'volumes' | 'networks'}/${string}`,
  ): Promise<boolean> {
    try {
      await this.api.done<Inspections>('GET', path);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  private async load(images: readonly Image[], extra?: Extra): Promise<void> {
    const overlay = images.filter((image) => 'layers' in image);
    const containerd = images.filter((image) => 'content' in image);
    if (overlay.length) await this.send(imageArchive(overlay, extra));
    if (containerd.length) await this.send(layoutArchive(containerd, extra));
  }

  private async send(archive: AsyncIterable<Buffer>): Promise<void> {
    const answer = await this.api.call<'ImageLoad'>('POST', '/images/load', {
      query: { quiet: true },
      headers: { 'Content-Type': 'application/x-tar' },
      body: archive,
    });
    const failure = /"error":("(?:[^"\\]|\\.)*")/.exec(await answer.body.text());
    if (failure) throw new Error(JSON.parse(failure[1]!) as string);
  }

  private async images(images: readonly Image[]): Promise<void> {
    const missing: Image[] = [];
    for (const image of images) {
      const known = await Promise.all(
        [image.id, ...image.names].map((name) => this.here(`/images/${name}/json`)),
      );
      if (known.includes(false)) missing.push(image);
    }
    const label = ({ names, id }: Image) => names.join(', ') || id.slice(0, 12);
    if (missing.length === 0) return;
    if (!this.wanted.dryRun)
      try {
        // All at once: layers that several have are read once.
        await this.load(missing);
        for (const image of missing) this.note('image', label(image));
        return;
      } catch {
        // One of them is damaged: each by itself, so that the others get through.
      }
    for (const image of missing) await this.take('image', label(image), () => this.load([image]));
  }

  private async volume({ Name, Driver, Labels, Options, folder }: DockerVolume): Promise<void> {
    if (Driver !== 'local') return this.cannot(`volume ${Name}`, `its driver ${Driver} is not supported`);
    if (await this.here(`/volumes/${Name}`)) return;
    const mounted = Boolean(Options?.['device']);
    await this.take(
      'volume',
      Name,
      async () => {
        const { Mountpoint } = await this.api.json<'VolumeCreate'>('POST', '/volumes/create', {
          body: { Name, Driver, Labels: Labels ?? {}, DriverOpts: Options ?? {} },
        });
        if (mounted) return;
        try {
          await copyVolume(folder, Mountpoint);
        } catch (error) {
          await this.api.done<'VolumeDelete'>('DELETE', `/volumes/${Name}`);
          throw error;
        }
      },
      mounted ? 'its device is used as it is' : '',
    );
  }

  private async network(network: DockerNetwork): Promise<void> {
    const why = networkObstacle(network);
    if (why) return this.cannot(`network ${network.name}`, why);
    if (await this.here(`/networks/${network.name}`)) return;
    await this.take('network', network.name, () =>
      this.api.done<'NetworkCreate'>('POST', '/networks/create', { body: networkBody(network) }),
    );
  }

  private async container(
    container: DockerContainer,
    images: readonly Image[],
    names: ReadonlyMap<string, string>,
  ): Promise<void> {
    const name = containerName(container);
    if (await this.here(`/containers/${name}/json`)) return;
    const image = images.find(({ source }) => source === container.Image);
    if (!image) return this.cannot(`container ${name}`, `its image ${container.Config.Image} is missing`);
    const running = container.State.Running ? 'it runs: its files are taken as they are now' : '';
    await this.take(
      'container',
      name,
      async () => {
        const tar = await changesTar(container.upper, container.lower);
        const named = container.Config.Image;
        let reference = image.names.some((each) => each === named || each === `${named}:latest`)
          ? named
          : `sha256:${image.id}`;
        if (tar.length > EMPTY_TAR) {
          reference = `berth-migrated/${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}:latest`;
          await this.load([{ ...image, names: [reference] }], { tar });
        }
        await this.api.done<'ContainerCreate'>('POST', '/containers/create', {
          query: { name },
          body: containerBody(container, reference, names),
        });
      },
      running,
    );
  }
}
