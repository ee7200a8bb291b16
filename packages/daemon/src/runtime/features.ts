import { existsSync, readFileSync } from 'node:fs';
import type { Hierarchies } from './cgroups/hierarchies.ts';

/** The features of this machine's kernel that containers use. */
export interface KernelFeatures {
  memoryLimit: boolean;
  swapLimit: boolean;
  memoryReservation: boolean;
  memorySwappiness: boolean;
  oomKillDisable: boolean;
  cpuShares: boolean;
  cpuCfs: boolean;
  cpuRealtime: boolean;
  cpuset: boolean;
  pidsLimit: boolean;
  blkioWeight: boolean;
  blkioWeightDevice: boolean;
  blkioThrottle: boolean;
  /** CPUs and memory nodes that a container may be given, as kernel lists. */
  cpus: string;
  mems: string;
  seccomp: boolean;
  apparmor: boolean;
  selinux: boolean;
  cgroupNamespaces: boolean;
}

/** Looks at what is there; done once per daemon. */
export function probeFeatures(hierarchies: Hierarchies): KernelFeatures {
  const general = {
    seccomp: existsSync('/proc/sys/kernel/seccomp/actions_avail'),
    apparmor: read('/sys/module/apparmor/parameters/enabled').trim() === 'Y',
    selinux: existsSync('/sys/fs/selinux/enforce'),
    cgroupNamespaces: existsSync('/proc/self/ns/cgroup'),
  };
  return { ...general, ...(hierarchies.version === 2 ? probeV2(hierarchies) : probeV1(hierarchies)) };
}

type CgroupFeatures = Omit<KernelFeatures, 'seccomp' | 'apparmor' | 'selinux' | 'cgroupNamespaces'>;

function probeV1(hierarchies: Hierarchies): CgroupFeatures {
  const has = (controller: string, file: string) => {
    const path = hierarchies.mountOf(controller);
    return path !== undefined && existsSync(`${path}/${file}`);
  };
  const cpusetPath = hierarchies.mountOf('cpuset');
  return {
    memoryLimit: has('memory', 'memory.limit_in_bytes'),
    swapLimit: has('memory', 'memory.memsw.limit_in_bytes'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
    memorySwappiness: has('memory', 'memory.swappiness'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuCfs: has('cpu', 'cpu.cfs_quota_us'),
    cpuRealtime: has('cpu', 'cpu.rt_runtime_us'),
    cpuset: cpusetPath !== undefined,
    pidsLimit: hierarchies.mountOf('pids') !== undefined,
    blkioWeight: has('blkio', 'blkio.weight'),
    blkioWeightDevice: has('blkio', 'blkio.weight_device'),
    blkioThrottle: has('blkio', 'blkio.throttle.read_bps_device'),
    cpus: cpusetPath ? read(`${cpusetPath}/cpuset.cpus`).trim() : '',
    mems: cpusetPath ? read(`${cpusetPath}/cpuset.mems`).trim() : '',
  };
}

function probeV2(hierarchies: Hierarchies): CgroupFeatures {
  const controllers = read(`${hierarchies.root}/cgroup.controllers`).trim().split(/\s+/);
  const has = (name: string) => controllers.includes(name);
  return {
    memoryLimit: has('memory'),
    swapLimit: has('memory') && swapAccounting(hierarchies.root),
    memoryReservation: has('memory'),
    memorySwappiness: false,
    oomKillDisable: false,
    cpuShares: has('cpu'),
    cpuCfs: has('cpu'),
    cpuRealtime: false,
    cpuset: has('cpuset'),
    pidsLimit: has('pids'),
    blkioWeight: has('io'),
    blkioWeightDevice: has('io'),
    blkioThrottle: has('io'),
    cpus: read(`${hierarchies.root}/cpuset.cpus.effective`).trim(),
    mems: read(`${hierarchies.root}/cpuset.mems.effective`).trim(),
  };
}

/** The root has no memory.swap.max; any other cgroup tells. */
function swapAccounting(root: string): boolean {
  const own = /^0::(.*)$/m.exec(read('/proc/self/cgroup'))?.[1] ?? '/';
  return own === '/' ? existsSync('/proc/swaps') : existsSync(`${root}${own}/memory.swap.max`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** `/info`'s warnings about what is missing, as dockerd words them. */
export function featureWarnings(features: KernelFeatures, version: 1 | 2): string[] {
  const warnings: string[] = [];
  const missing = (present: boolean, what: string) => {
    if (!present) warnings.push(`WARNING: No ${what}`);
  };
  missing(features.memoryLimit, 'memory limit support');
  missing(features.swapLimit, 'swap limit support');
  if (version === 1) missing(features.oomKillDisable, 'oom kill disable support');
  missing(features.cpuCfs, 'cpu cfs quota support');
  missing(features.cpuCfs, 'cpu cfs period support');
  missing(features.cpuShares, 'cpu shares support');
  missing(features.cpuset, 'cpuset support');
  if (version === 2) {
    missing(features.blkioWeight, 'io.weight support');
    missing(features.blkioThrottle, 'io.max (rbps) support');
  }
  return warnings;
}
