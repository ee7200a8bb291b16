import { posix } from 'node:path';
import type { ContainerSnapshot } from '../../containers/api.ts';
import { readBeginning } from '../facts/proc.ts';

/** A mount of a container, as it was asked for. */
interface Mount {
  Destination: string;
  RW: boolean;
  /** The path on the host; empty for memory. */
  Source: string;
  Type: string;
  /** Options of a tmpfs. */
  options: string[];
}

/** The mounts of a container, those in memory too. */
function mountsOf({ record }: ContainerSnapshot): Mount[] {
  const memory = (Destination: string, text: string): Mount => {
    const options = text.split(',');
    return { Destination, RW: !options.includes('ro'), Source: '', Type: 'tmpfs', options };
  };
  return [
    ...record.mounts.map(({ Destination, RW, Source, Type, tmpfs }) => ({
      Destination,
      RW,
      Source,
      Type: Type as string,
      options: tmpfs?.split(',') ?? [],
    })),
    ...Object.entries(record.hostConfig.Tmpfs ?? {}).map(([path, text]) => memory(path, text)),
    memory('/dev/shm', ''),
  ];
}

/** The mount that a path is on: the longest destination that it begins with. */
export function mountOf(container: ContainerSnapshot, path: string): Mount | undefined {
  const clean = posix.resolve(container.record.config.WorkingDir || '/', path);
  return mountsOf(container)
    .filter(
      ({ Destination }) => clean === Destination || clean.startsWith(`${Destination.replace(/\/$/, '')}/`),
    )
    .sort((a, b) => b.Destination.length - a.Destination.length)[0];
}

/** What is to be said of a path that is not there and on a mount: what the image has in that folder does not show. */
export function hiddenBy(container: ContainerSnapshot, path: string): string {
  const mount = mountOf(container, path);
  return mount
    ? `: ${mount.Source || 'memory'} is mounted at ${mount.Destination}, and hides what the image has there`
    : '';
}

/** The destination of a mount, not in memory, that a line names. */
export function mountNamed(container: ContainerSnapshot, line: string): string | undefined {
  const words = new Set(line.split(/[\s'"`:,()[\]]+/));
  return mountsOf(container).find(({ Destination, Source }) => Source !== '' && words.has(Destination))
    ?.Destination;
}

/** The answer about a mount that is in the way of a rename. */
export const BUSY = {
  text: (path: string) => `${path} is a mount of its own, which cannot be renamed, replaced or removed`,
  advice:
    'Mount the folder that the file is in, or write into the file instead of replacing it (`sed -i` and editors replace).',
};

/** The mount that keeps a path from being executed (noexec); undefined where none does. */
export function noExecMount(container: ContainerSnapshot, path: string): Mount | undefined {
  const mount = mountOf(container, path);
  if (!mount) return undefined;
  if (mount.Source === '') {
    // What the engine mounts in memory is not for programs unless it is asked for.
    const last = mount.options.findLast((option) => option === 'exec' || option === 'noexec');
    return last === 'exec' ? undefined : mount;
  }
  return hostMountOptions(mount.Source).includes('noexec') ? mount : undefined;
}

/** The options, of the mount and of its file system, that a path of the host is on (proc_pid_mountinfo(5)). */
export function hostMountOptions(path: string): string[] {
  let best = '';
  let found: string[] = [];
  for (const line of (readBeginning('/proc/self/mountinfo', MOUNTINFO) ?? '').split('\n')) {
    const [before, after = ''] = line.split(' - ');
    const [, , , , place, options] = before!.split(' ');
    if (place === undefined || place.length < best.length) continue;
    if (path !== place && !path.startsWith(`${place.replace(/\/$/, '')}/`)) continue;
    best = place;
    found = [...options!.split(','), ...(after.split(' ')[2] ?? '').split(',')];
  }
  return found;
}

const MOUNTINFO = 4 << 20;
const DELETED = '//deleted';

/** Mounts of a running container whose folder or file on the host was removed or replaced since; by the kernel's own mark. */
export function staleMounts({ record, state }: ContainerSnapshot): Mount[] {
  if (state.pid === 0) return [];
  const gone = new Set<string>();
  for (const line of (readBeginning(`/proc/${state.pid}/mountinfo`) ?? '').split('\n')) {
    const [, , , root, place] = line.split(' ');
    if (root?.endsWith(DELETED)) gone.add(place!);
  }
  return mountsOf({ record, state } as ContainerSnapshot).filter(
    ({ Destination, Source }) => Source !== '' && gone.has(Destination.replaceAll(' ', '\\040')),
  );
}
