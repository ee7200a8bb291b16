import { availableParallelism } from 'node:os';
import { invalidParameter, systemError } from '../base/errors.ts';
import type { Resources, Runtime } from './api.ts';
import { normalizeCapabilities } from './capabilities.ts';
import type { KernelFeatures } from './features.ts';
import { parseNumberList } from './lists.ts';
import { parseSecurityOptions } from './security.ts';

const MINIMUM_MEMORY = 6 * 1024 * 1024;

/** The CPUs as they were when the daemon started, which is dockerd's rule, too. */
const CPUS = availableParallelism();

type Request = Parameters<Runtime['validate']>[0];

/**
 * Checks a container's settings as dockerd does at create, in its order and words.
 * @param update for `docker update`, which has all limits of the container with the changed ones over them.
 * @returns warnings about what this kernel can't do.
 */
export function validateRequest(request: Request, features: KernelFeatures, update = false): string[] {
  if (!update) {
    checkQualityOfService(request.resources);
    normalizeCapabilities(request.capAdd, 'CapAdd');
    normalizeCapabilities(request.capDrop, 'CapDrop');
  }
  const warnings = [
    ...checkMemory(request.resources, features, update),
    ...checkProcesses(request.resources, features),
    ...checkCpu(request.resources, features),
    ...checkCpuset(request.resources, features),
    ...checkBlkio(request.resources, features),
  ];
  if (update) return warnings;
  const security = parseSecurityOptions(request.securityOpt);
  if (security.seccomp && security.seccomp !== 'unconfined' && !features.seccomp)
    throw systemError('seccomp is not enabled in your kernel, cannot run a custom seccomp profile');
  if (security.apparmor && security.apparmor !== 'unconfined' && !features.apparmor)
    warnings.push('Your kernel does not support AppArmor. The AppArmor profile is discarded.');
  if (security.labels.some((label) => label !== 'disable'))
    warnings.push('SELinux is not enabled in this daemon. Labels are discarded.');
  return warnings;
}

function checkQualityOfService(resources: Resources): void {
  const given = resources as Resources & { IOMaximumIOps?: number; IOMaximumBandwidth?: number };
  if (given.IOMaximumBandwidth)
    throw systemError('Invalid QoS settings: linux does not support configuration of maximum bandwidth');
  if (given.IOMaximumIOps)
    throw systemError('Invalid QoS settings: linux does not support configuration of maximum IOPs');
  const { CpuRealtimePeriod = 0, CpuRealtimeRuntime = 0 } = resources;
  if (CpuRealtimePeriod !== 0 && CpuRealtimeRuntime !== 0 && CpuRealtimeRuntime > CpuRealtimePeriod)
    throw systemError('cpu real-time runtime cannot be higher than cpu real-time period');
}

function checkMemory(resources: Resources, features: KernelFeatures, update: boolean): string[] {
  const warnings: string[] = [];
  const { Memory = 0, MemorySwap = 0, MemoryReservation = 0, MemorySwappiness } = resources;
  if (Memory !== 0 && Memory < MINIMUM_MEMORY) throw invalidParameter('Minimum memory limit allowed is 6MB');
  if (Memory > 0 && !features.memoryLimit)
    warnings.push(
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    );
  else if (Memory > 0 && MemorySwap !== -1 && !features.swapLimit)
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory)
    throw invalidParameter('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (Memory === 0 && MemorySwap > 0 && !update)
    throw invalidParameter('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (typeof MemorySwappiness === 'number' && MemorySwappiness !== -1) {
    if (!features.memorySwappiness)
      warnings.push(
        'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
      );
    else if (MemorySwappiness < 0 || MemorySwappiness > 100)
      throw invalidParameter(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (MemoryReservation > 0 && !features.memoryReservation)
    warnings.push(
      'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
    );
  else if (MemoryReservation > 0) {
    if (MemoryReservation < MINIMUM_MEMORY)
      throw invalidParameter('Minimum memory reservation allowed is 6MB');
    if (Memory > 0 && Memory < MemoryReservation)
      throw invalidParameter('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  if (resources.OomKillDisable && !features.oomKillDisable)
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
  else if (resources.OomKillDisable && Memory === 0)
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  return warnings;
}

function checkProcesses({ PidsLimit }: Resources, features: KernelFeatures): string[] {
  if (features.pidsLimit || !PidsLimit || PidsLimit < 0) return [];
  return [
    'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
  ];
}

function checkCpu(resources: Resources, features: KernelFeatures): string[] {
  const warnings: string[] = [];
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, CpuShares = 0 } = resources;
  if (NanoCpus > 0 && CpuPeriod > 0)
    throw invalidParameter('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (NanoCpus > 0 && CpuQuota > 0)
    throw invalidParameter('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (NanoCpus > 0 && !features.cpuCfs)
    throw invalidParameter(
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
  if (NanoCpus < 0 || NanoCpus > CPUS * 1e9)
    throw invalidParameter(
      `Range of CPUs is from 0.01 to ${CPUS}.00, as there are only ${CPUS} CPUs available`,
    );
  if (CpuShares > 0 && !features.cpuShares)
    warnings.push('Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.');
  if ((CpuPeriod !== 0 || CpuQuota !== 0) && !features.cpuCfs)
    warnings.push('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.');
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000))
    throw invalidParameter(
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
  if (CpuQuota > 0 && CpuQuota < 1000)
    throw invalidParameter('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  for (const name of ['CpuRealtimePeriod', 'CpuRealtimeRuntime'] as const)
    if ((resources[name] ?? 0) < 0)
      throw invalidParameter(`invalid ${name} ${resources[name]}: it is microseconds, 0 or more`);
  if (!features.cpuRealtime && (resources.CpuRealtimePeriod || resources.CpuRealtimeRuntime))
    throw invalidParameter(
      'Your kernel does not support CPU real-time scheduler or the cgroup is not mounted',
    );
  const { CpuPercent = 0 } = resources as Resources & { CpuPercent?: number };
  if (CpuPercent > 0) warnings.push('linux does not support CPU percent. Percent discarded.');
  return warnings;
}

function checkCpuset(resources: Resources, features: KernelFeatures): string[] {
  const { CpusetCpus = '', CpusetMems = '' } = resources;
  if (CpusetCpus === '' && CpusetMems === '') return [];
  if (!features.cpuset)
    return ['Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.'];
  if (!within(CpusetCpus, features.cpus, 'cpus'))
    throw invalidParameter(
      `Requested CPUs are not available - requested ${CpusetCpus}, available: ${features.cpus}`,
    );
  if (!within(CpusetMems, features.mems, 'mems'))
    throw invalidParameter(
      `Requested memory nodes are not available - requested ${CpusetMems}, available: ${features.mems}`,
    );
  return [];
}

function within(asked: string, available: string, what: 'cpus' | 'mems'): boolean {
  try {
    const there = new Set(parseNumberList(available));
    return parseNumberList(asked).every((number) => there.has(number));
  } catch (cause) {
    throw invalidParameter(`Invalid value ${asked} for cpuset ${what}: ${(cause as Error).message}`, cause);
  }
}

/** The limits of throughput: the field, and dockerd's words for what the kernel lacks and for what is left out. */
const THROTTLES = [
  ['BlkioDeviceReadBps', 'BPS Block I/O read', 'BPS read'],
  ['BlkioDeviceWriteBps', 'BPS Block I/O write', 'BPS write'],
  ['BlkioDeviceReadIOps', 'IOPS Block read', 'IOPS read'],
  ['BlkioDeviceWriteIOps', 'IOPS Block write', 'IOPS write'],
] as const;

function checkBlkio(resources: Resources, features: KernelFeatures): string[] {
  const warnings: string[] = [];
  const { BlkioWeight = 0 } = resources;
  if (BlkioWeight > 0 && !features.blkioWeight)
    warnings.push(
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    );
  else if (BlkioWeight !== 0 && (BlkioWeight < 10 || BlkioWeight > 1000))
    throw invalidParameter('Range of blkio weight is from 10 to 1000');
  if (resources.BlkioWeightDevice?.length && !features.blkioWeightDevice)
    warnings.push(
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    );
  if (features.blkioThrottle) return warnings;
  for (const [field, limit, name] of THROTTLES)
    if (resources[field]?.length)
      warnings.push(
        `Your kernel does not support ${limit} limit or the cgroup is not mounted. Block I/O ${name} limit discarded.`,
      );
  return warnings;
}

/** The limits without those that this kernel can't apply (`validateRequest` warned of them). */
export function supportedResources(resources: Resources, features: KernelFeatures): Resources {
  const kept = { ...resources };
  if (!features.memoryLimit) {
    delete kept.Memory;
    delete kept.MemorySwap;
  }
  if (!features.swapLimit) kept.MemorySwap = -1;
  if (!features.swapLimit || (!kept.Memory && kept.MemorySwap === -1)) delete kept.MemorySwap;
  if (!features.memorySwappiness) delete kept.MemorySwappiness;
  if (!features.memoryReservation) delete kept.MemoryReservation;
  if (!features.oomKillDisable) delete kept.OomKillDisable;
  if (!features.pidsLimit) delete kept.PidsLimit;
  if (!features.cpuShares) delete kept.CpuShares;
  if (!features.cpuCfs) {
    delete kept.CpuPeriod;
    delete kept.CpuQuota;
    delete kept.NanoCpus;
  }
  if (!features.cpuset) {
    delete kept.CpusetCpus;
    delete kept.CpusetMems;
  }
  if (!features.blkioWeight) delete kept.BlkioWeight;
  if (!features.blkioWeightDevice) delete kept.BlkioWeightDevice;
  if (!features.blkioThrottle) {
    delete kept.BlkioDeviceReadBps;
    delete kept.BlkioDeviceWriteBps;
    delete kept.BlkioDeviceReadIOps;
    delete kept.BlkioDeviceWriteIOps;
  }
  return kept;
}
