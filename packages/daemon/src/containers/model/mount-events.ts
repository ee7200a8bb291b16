import type { Container } from './container.ts';
import type { Context } from './context.ts';
import type { MountPoint } from './types.ts';

const volumesOf = ({ record }: Container): Array<MountPoint & { Name: string }> =>
  record.mounts.filter(
    (point): point is MountPoint & { Name: string } => point.Type === 'volume' && Boolean(point.Name),
  );

/** Emits that a container's volumes are mounted: for its run, or for a look at its files. */
export function tellMounts({ rooms }: Context, container: Container): void {
  for (const point of volumesOf(container))
    rooms.events.emit('volume', 'mount', point.Name, {
      container: container.id,
      destination: point.Destination,
      driver: point.Driver ?? 'local',
      propagation: point.Propagation,
      'read/write': String(point.RW),
    });
}

/** Emits that they are mounted no longer. */
export function tellUnmounts({ rooms }: Context, container: Container): void {
  for (const point of volumesOf(container))
    rooms.events.emit('volume', 'unmount', point.Name, {
      container: container.id,
      driver: point.Driver ?? 'local',
    });
}
