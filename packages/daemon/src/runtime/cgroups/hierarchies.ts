import { readFileSync, statfsSync } from 'node:fs';

const CGROUP2_MAGIC = 0x63677270;

/** Controllers a v1 container has a folder for; a hierarchy that mounts none of them is left alone but for its name. */
const CONTROLLERS = [
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'devices',
  'freezer',
  'blkio',
  'pids',
  'name=systemd',
];

/** The mount points of the cgroup file systems. On a hybrid host v1 has the controllers, and v2's empty hierarchy is not used. */
export interface Hierarchies {
  version: 1 | 2;
  root: string;
  /** v1: hierarchies by the name of their folder, with their controllers. */
  mounts: Array<{ name: string; path: string; controllers: string[] }>;
  /** v1: where the hierarchy of a controller is mounted. */
  mountOf(controller: string): string | undefined;
  /** v1: the name of the hierarchy of a controller. */
  nameOf(controller: string): string | undefined;
}

/** @param root for tests; the machine's own otherwise. */
export function findHierarchies(root = '/sys/fs/cgroup'): Hierarchies {
  const version = statfsSync(root).type === CGROUP2_MAGIC ? 2 : 1;
  const mounts = version === 1 ? readMounts(root) : [];
  const find = (controller: string) => mounts.find(({ controllers }) => controllers.includes(controller));
  return {
    version,
    root,
    mounts,
    mountOf: (controller) => find(controller)?.path,
    nameOf: (controller) => find(controller)?.name,
  };
}

function readMounts(root: string): Hierarchies['mounts'] {
  const mounts: Hierarchies['mounts'] = [];
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, path = '', type, options = ''] = line.split(' ');
    if (type !== 'cgroup' || !path.startsWith(`${root}/`)) continue;
    const controllers = options.split(',').filter((option) => CONTROLLERS.includes(option));
    if (controllers.length === 0 || mounts.some((mount) => mount.controllers[0] === controllers[0])) continue;
    mounts.push({ name: path.slice(root.length + 1), path, controllers });
  }
  return mounts;
}
