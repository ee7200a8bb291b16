import { posix } from 'node:path';
import { systemError } from '../base/errors.ts';
import type { RuntimeRequest } from './api.ts';
import { idMapWord } from './id-map.ts';
import type { OciMount as Mount } from './oci/config.ts';
import { type PreparedMount, preparedSource } from './oci/own.ts';

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

/** A container's mounts, and what the specification has no words for: see oci/own.ts. */
export interface ContainerMounts {
  mounts: Mount[];
  prepared: PreparedMount[];
  forcedReadOnly: string[];
}

/** The file systems of every container, in the order in which they are mounted. */
function standardMounts(
  request: RuntimeRequest,
  isTaken: (destination: string) => boolean,
  prepared: PreparedMount[],
): Mount[] {
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
  const shm = isTaken('/dev/shm') ? undefined : sharedMemory(request, prepared);
  if (shm) mounts.push(shm);
  return mounts.filter(({ destination }) => !isTaken(destination));
}

function sharedMemory(
  { namespaces: { ipc, shmPath }, shmSize }: RuntimeRequest,
  prepared: PreparedMount[],
): Mount | undefined {
  if (ipc === 'none') return undefined;
  const destination = '/dev/shm';
  if (ipc === 'host')
    return { destination, type: 'bind', source: '/dev/shm', options: ['rbind', 'rprivate'] };
  if (shmPath && !shmPath.startsWith('/proc/'))
    return { destination, type: 'bind', source: shmPath, options: ['rbind', 'rprivate'] };
  const joined = ipc.startsWith('/') && /^(\/proc\/\d+)\/root\/dev\/shm$/.exec(shmPath ?? '');
  // Another container's is reached through its mount namespace, not by a path of the host.
  if (joined)
    return preparedMount({ destination, type: 'shm-of', source: joined[1]! }, ['bind', 'rprivate'], prepared);
  return {
    destination,
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${shmSize}`],
  };
}

/** The mount in the spec, a bind of what the C side makes. */
function preparedMount(mount: PreparedMount, options: string[], prepared: PreparedMount[]): Mount {
  prepared.push(mount);
  const source = preparedSource(prepared.length - 1);
  return { destination: mount.destination, type: 'bind', source, options };
}

function bindOptions(mount: RuntimeRequest['mounts'][number]): string[] {
  const given = new Set(mount.options);
  const options = [given.has('bind') ? 'bind' : 'rbind'];
  if (mount.readonly) options.push('ro');
  // Read-only means all of what is mounted below, too, unless told otherwise; as of Docker 25.
  if (mount.readonly && !given.has('ro-nonrecursive') && options[0] === 'rbind') options.push('rro');
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

function userMount(mount: RuntimeRequest['mounts'][number], prepared: PreparedMount[]): Mount {
  const { destination, subpath, lower } = mount;
  checkOverProc(mount);
  if (mount.type === 'tmpfs') {
    const options = mount.options.filter((option) => option !== 'tmpcopyup');
    if (mount.readonly && !options.includes('ro')) options.push('ro');
    return { destination, type: 'tmpfs', source: 'tmpfs', options };
  }
  const source = mount.source ?? '';
  const details = { destination, source, ...(subpath && { subpath }) };
  if (mount.type === 'image')
    return preparedMount(
      { ...details, type: 'image', lower: lower ?? [] },
      ['bind', 'ro', 'rprivate'],
      prepared,
    );
  const options = bindOptions(mount);
  // Another runtime finds the ids mapped already: not every one can.
  return subpath || mount.idmap
    ? preparedMount({ ...details, type: 'bind' }, options, prepared)
    : { destination, type: 'bind', source, options };
}

/** The words of a launch's `mount` record (native/c/container/spec/spec.h), for a bind that a running container gets. */
export function bindWords(mount: RuntimeRequest['mounts'][number]): string[] {
  const { destination, idmap } = mount;
  const { options = [] } = userMount(mount, []);
  const words = ['bind', mount.source ?? '', destination, ...options];
  if (mount.subpath) words.push(`subpath=${mount.subpath}`);
  // Only a container without a user namespace of its own gets mounts while it runs.
  if (idmap) words.push(idMapWord(idmap.map, idmap.recursive, undefined));
  return words;
}

const depth = (path: string): number => posix.normalize(path).split('/').filter(Boolean).length;

/**
 * All mounts of a container, parents before what is inside them. A mount of the user's takes the place of the standard
 * one at its destination, and of all in /dev when it is /dev.
 * @throws system for a mount inside /proc.
 */
export function containerMounts(request: RuntimeRequest): ContainerMounts {
  const prepared: PreparedMount[] = [];
  const files = request.networkFiles.map<Mount>(({ source, destination }) => ({
    destination,
    type: 'bind',
    source,
    options: ['rbind', ...(request.readonlyRootfs ? ['ro'] : []), 'rprivate'],
  }));
  const users = request.mounts.map((mount) => userMount(mount, prepared));
  const taken = new Set(users.map(({ destination }) => posix.normalize(destination)));
  const isTaken = (destination: string) =>
    taken.has(destination) || (destination.startsWith('/dev/') && taken.has('/dev'));
  const standard = standardMounts(request, isTaken, prepared);
  const own = [...files.filter(({ destination }) => !taken.has(destination)), ...users];
  // Sorting is stable: of two at one depth the first given comes first.
  own.sort((a, b) => depth(a.destination) - depth(b.destination));
  const forcedReadOnly = request.mounts
    .filter(({ readonly, options }) => readonly && options.includes('ro-force-recursive'))
    .map(({ destination }) => destination);
  return { mounts: [...standard, ...own], prepared, forcedReadOnly };
}
