import { invalidParameter } from '../../base/errors.ts';
import type { Context } from '../model/context.ts';
import type { HostConfig, MountPoint } from '../model/types.ts';

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
