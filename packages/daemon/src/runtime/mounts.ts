import { posix } from 'node:path';
import { systemError } from '../base/errors.ts';
import type { RuntimeRequest, RuntimeSpec } from './api.ts';

export type Mount = RuntimeSpec['mounts'][number];

const CREATE_FAILED =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ';

/** Files of procfs that other tools (lxcfs) may lay theirs over; nothing else may be mounted inside /proc. */
const OVER_PROC = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/net/dev',
  '/proc/slabinfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/uptime',
]);

/** The file systems of every container, in the order in which they are mounted. */
function standardMounts(request: RuntimeRequest): Mount[] {
  const writable = request.privileged ? 'rw' : 'ro';
  const mounts: Mount[] = [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', writable] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev', 'relatime', writable],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  ];
  const shm = sharedMemory(request);
  if (shm) mounts.push(shm);
  return mounts;
}

function sharedMemory({ namespaces: { ipc, shmPath }, shmSize }: RuntimeRequest): Mount | undefined {
  if (ipc === 'none') return undefined;
  const destination = '/dev/shm';
  if (ipc === 'host')
    return { destination, type: 'bind', source: '/dev/shm', options: ['rbind', 'rprivate'] };
  const joined = ipc.startsWith('/') && /^(\/proc\/\d+)\/root\/dev\/shm$/.exec(shmPath ?? '');
  // Another container's is reached through its mount namespace, not by a path of the host.
  if (joined) return { destination, type: 'shm-of', source: joined[1]!, options: [] };
  return {
    destination,
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${shmSize}`],
  };
}

function bindOptions(mount: RuntimeRequest['mounts'][number]): string[] {
  const given = new Set(mount.options);
  const options = [given.has('bind') ? 'bind' : 'rbind'];
  if (mount.readonly) options.push('ro');
  // Read-only means all of what is mounted below, too, unless told otherwise; as of Docker 25.
  if (mount.readonly && !given.has('ro-nonrecursive') && options[0] === 'rbind') options.push('rro');
  if (given.has('ro-force-recursive')) options.push('force-recursive');
  for (const option of ['z', 'Z', 'nocopy']) given.delete(option); // labels of SELinux, and the volumes room's own
  for (const option of ['bind', 'rbind', 'ro', 'rw', 'ro-nonrecursive', 'ro-force-recursive'])
    given.delete(option);
  options.push(...given, mount.propagation || 'rprivate');
  return options;
}

/** procfs is what confines a container: nothing of the user's takes its place. @throws system in runc's words */
function checkOverProc({ type, source = type, destination }: RuntimeRequest['mounts'][number]): void {
  const place = posix.normalize(destination).replace(/(.)\/$/, '$1');
  const over = place === '/proc' && source !== '/proc';
  if (!over && (!place.startsWith('/proc/') || OVER_PROC.has(place))) return;
  const why = over ? 'not of type proc' : 'inside /proc';
  throw systemError(
    `${CREATE_FAILED}error mounting "${source}" to rootfs at "${destination}": create mount destination for ${destination} mount: check proc-safety of ${destination} mount: "${destination}" cannot be mounted because it is ${why}: unknown`,
  );
}

function userMount(mount: RuntimeRequest['mounts'][number]): Mount {
  const { destination } = mount;
  checkOverProc(mount);
  if (mount.type === 'tmpfs') {
    const options = mount.options.filter((option) => option !== 'tmpcopyup');
    if (mount.readonly && !options.includes('ro')) options.push('ro');
    return { destination, type: 'tmpfs', source: 'tmpfs', options };
  }
  const source = mount.source ?? '';
  const subpath = mount.subpath ? [`subpath=${mount.subpath}`] : [];
  if (mount.type === 'image') return { destination, type: 'image', source, options: ['ro', ...subpath] };
  return { destination, type: 'bind', source, options: [...bindOptions(mount), ...subpath] };
}

const depth = (path: string): number => posix.normalize(path).split('/').filter(Boolean).length;

/**
 * All mounts of a container, parents before what is inside them. A mount of the user's takes the place of the standard
 * one at its destination, and of all in /dev when it is /dev.
 * @throws system for a mount inside /proc.
 */
export function containerMounts(request: RuntimeRequest): Mount[] {
  const files = request.networkFiles.map<Mount>(({ source, destination }) => ({
    destination,
    type: 'bind',
    source,
    options: ['rbind', ...(request.readonlyRootfs ? ['ro'] : []), 'rprivate'],
  }));
  const users = request.mounts.map(userMount);
  const taken = new Set(users.map(({ destination }) => posix.normalize(destination)));
  const standard = standardMounts(request).filter(
    ({ destination }) => !taken.has(destination) && !(destination.startsWith('/dev/') && taken.has('/dev')),
  );
  const own = [...files.filter(({ destination }) => !taken.has(destination)), ...users];
  // Sorting is stable: of two at one depth the first given comes first.
  own.sort((a, b) => depth(a.destination) - depth(b.destination));
  return [...standard, ...own];
}
