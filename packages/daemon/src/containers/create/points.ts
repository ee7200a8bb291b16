import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { invalidParameter } from '../../base/errors.ts';
import type { CreateOptions } from '../api.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { Config, ContainerRecord, HostConfig, MountPoint } from '../model/types.ts';
import { isRemapped } from './hostconfig-checks.ts';
import { checkIdMapped } from './mapped.ts';
import { clean, mountError, parseBind, parseMount, parseVolumesFrom } from './mounts.ts';

/* The mount points of a new container: what they stand for on the host, and the volumes that are made for them. */

/**
 * A bind of HostConfig.Mounts must be there, for a create and for each start by hand; one of Binds is made at the start.
 * @throws invalid-parameter with dockerd's text.
 */
export async function checkSources(host: HostConfig): Promise<void> {
  for (const spec of host.Mounts ?? []) {
    const point = parseMount(spec);
    if (point.Type !== 'bind' || point.createSource) continue;
    await stat(point.Source).catch((error: NodeJS.ErrnoException) => {
      const reason = /^E\w+: (.*), stat /.exec(error.message)?.[1] ?? error.message;
      throw mountError(
        'bind',
        error.code === 'ENOENT'
          ? `bind source path does not exist: ${point.Source}`
          : `stat ${point.Source}: ${reason}`,
      );
    });
  }
}

/** Resolves all mounts, in dockerd's order: from other containers, Binds, Mounts, the image's and Config's Volumes. */
export async function makeMounts(
  context: Context,
  record: ContainerRecord,
  { shallowReadOnly, anonymousMounts }: CreateOptions,
): Promise<void> {
  const { hostConfig: host, config } = record;
  const points = new Map<string, MountPoint>();
  for (const spec of host.VolumesFrom ?? []) {
    const { container, readonly } = parseVolumesFrom(spec);
    let other: Container;
    try {
      other = context.registry.lookup(container);
    } catch (error) {
      throw invalidParameter((error as Error).message, error);
    }
    // dockerd keeps no mode of such a mount: RW says what holds.
    for (const point of other.record.mounts)
      points.set(point.Destination, { ...point, Mode: '', RW: point.RW && !readonly, copyUp: false });
  }
  const own = new Set<string>();
  const tmpfs = new Set<string>(Object.keys(host.Tmpfs ?? {}).map(clean));
  const add = (point: MountPoint) => {
    // A mount of `Mounts` (it has a spec) may stand at the place of a tmpfs, as dockerd has it.
    if (own.has(point.Destination) || (!point.spec && tmpfs.has(point.Destination)))
      throw invalidParameter(`Duplicate mount point: ${point.Destination}`);
    own.add(point.Destination);
    points.set(point.Destination, point);
  };
  const explicit = [
    ...(host.Binds ?? []).map((raw) => parseBind(raw, host.VolumeDriver)),
    ...(host.Mounts ?? []).map(parseMount),
  ];
  for (const point of explicit) {
    if (point.Type === 'bind') {
      checkRootPropagation(context, point);
      point.Propagation ||= defaultPropagation(context, point.Source);
      if (!point.RW && shallowReadOnly) point.readOnlyNonRecursive = true;
    }
    if (point.Type === 'image') findMountedImage(context, point);
    add(point);
  }
  for (const destination of volumeDestinations(config, new Set([...own, ...tmpfs]), points))
    points.set(destination, {
      Type: 'volume',
      Source: '',
      Destination: destination,
      Driver: host.VolumeDriver || 'local',
      Mode: '',
      RW: true,
      Propagation: '',
      copyUp: true,
    });
  record.mounts = [...points.values()];
  checkIdMapped(record.mounts, isRemapped(host, context.rooms.settings));
  for (const point of record.mounts) {
    if (point.Type !== 'volume' || point.Name !== undefined) continue;
    point.Name = randomBytes(32).toString('hex');
    point.anonymous = true;
  }
  // Written before the volumes are made: a kill leaves none that no record names, and a prune sees them used.
  context.records.put(record.id, record);
  const made: string[] = [];
  try {
    for (const point of record.mounts) {
      const name = await bindVolume(context, host, point, {
        explicit: explicit.includes(point),
        marked: anonymousMounts,
      });
      if (name) made.push(name);
    }
  } catch (error) {
    context.records.delete(record.id);
    for (const name of made) await context.rooms.volumes.remove(name, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Finds the image of an image mount: the one that has the name now. @throws not-found. */
function findMountedImage(context: Context, point: MountPoint): void {
  const { id, config } = context.rooms.images.resolve(point.Source);
  point.image = { name: point.Source, id, layers: config.rootfs.diff_ids };
  point.Source = id;
}

function volumeDestinations(config: Config, own: Set<string>, points: Map<string, MountPoint>): string[] {
  return Object.keys(config.Volumes ?? {})
    .map((path) => clean(path.startsWith('/') ? path : `/${path}`))
    .filter((path) => path !== '/' && !own.has(path) && !points.has(path));
}

/** The daemon's own folder may only be had with its later mounts and unmounts. @throws invalid-parameter. */
export function checkRootPropagation(context: Context, { Source, Propagation }: MountPoint): void {
  const root = context.rooms.settings.dataRoot;
  if (!Source.startsWith(root) || ['', 'rslave', 'rshared'].includes(Propagation)) return;
  throw invalidParameter(
    `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: "${root}", bind mount source: "${Source}", propagation: "${Propagation}"`,
  );
}

/** A bind that holds the daemon's own folder must not keep its later mounts alive. */
export function defaultPropagation(context: Context, source: string): string {
  const root = context.rooms.settings.dataRoot;
  return root.startsWith(source === '/' ? '/' : `${source}/`) || source.startsWith(root)
    ? 'rslave'
    : 'rprivate';
}

/** Finds or makes the volume of a mount; returns its name when it was made here. */
export async function bindVolume(
  context: Context,
  host: HostConfig,
  point: MountPoint,
  { explicit, marked = false }: { explicit: boolean; marked?: boolean | undefined },
): Promise<string | undefined> {
  if (point.Type !== 'volume') return undefined;
  const options = point.spec?.VolumeOptions;
  const driver = point.Driver === 'local' ? options?.DriverConfig?.Name || 'local' : point.Driver;
  const { volume, created } = await context.rooms.volumes.create({
    name: point.Name!,
    // To older clients one of Mounts is not marked as anonymous: only `prune --all` takes its volume.
    ...(point.anonymous && (!point.spec || marked) && { anonymous: true }),
    driver: driver ?? (host.VolumeDriver || 'local'),
    ...(options?.Labels && { labels: options.Labels }),
    ...(options?.DriverConfig?.Options && { options: options.DriverConfig.Options }),
  });
  point.Name = volume.Name;
  point.Source = volume.Mountpoint;
  point.Driver = volume.Driver;
  if (explicit && point.Mode === '') point.Mode = 'z';
  return created ? volume.Name : undefined;
}
