import { statSync } from 'node:fs';
import { systemError } from '../base/errors.ts';
import type { Resources } from './api.ts';
import type { OciBlockDevice, OciResources } from './oci/config.ts';

const CPU_PERIOD = 100_000; // microseconds: the kernel's default

/**
 * The limits of the Docker API as `linux.resources` of the OCI specification; a member that sets nothing is left out.
 * @param update for `docker update`: a memory limit alone leaves the swap as it is.
 * @throws system naming the path of a block device that is not there.
 */
export function ociResources(resources: Resources, update = false): OciResources {
  const memory = memoryOf(resources, update);
  const cpu = cpuOf(resources);
  const blockIO = blockIoOf(resources);
  return {
    ...(memory && { memory }),
    ...(cpu && { cpu }),
    ...(typeof resources.PidsLimit === 'number' && { pids: { limit: Math.max(resources.PidsLimit, 0) } }),
    ...(blockIO && { blockIO }),
    ...(resources.HugepageLimits?.length && {
      hugepageLimits: resources.HugepageLimits.map(({ PageSize, Limit }) => ({
        pageSize: PageSize,
        limit: Limit,
      })),
    }),
    ...(some(resources.Unified ?? {}) && { unified: resources.Unified! }),
  };
}

/** The members that say something, or undefined where none does. */
function some<T extends object>(members: T): T | undefined {
  for (const _ in members) return members;
  return undefined;
}

/** Memory plus swap: twice the memory where nothing is said, as Docker has it; -1 for no limit. */
function swapOf(resources: Resources, update: boolean): number | undefined {
  if (resources.MemorySwap) return resources.MemorySwap < 0 ? -1 : resources.MemorySwap;
  return resources.Memory && resources.Memory > 0 && !update ? resources.Memory * 2 : undefined;
}

function memoryOf(resources: Resources, update: boolean): OciResources['memory'] {
  const { Memory, MemoryReservation, MemorySwappiness, OomKillDisable } = resources;
  const swap = swapOf(resources, update);
  return some({
    ...(Memory && { limit: Memory }),
    ...(swap !== undefined && { swap }),
    ...(MemoryReservation && { reservation: MemoryReservation }),
    ...(typeof MemorySwappiness === 'number' && MemorySwappiness >= 0 && { swappiness: MemorySwappiness }),
    ...(OomKillDisable && { disableOOMKiller: true }),
  });
}

function cpuOf(resources: Resources): OciResources['cpu'] {
  const { NanoCpus, CpuShares, CpuRealtimePeriod, CpuRealtimeRuntime, CpusetCpus, CpusetMems } = resources;
  const period = NanoCpus ? CPU_PERIOD : resources.CpuPeriod;
  const quota = NanoCpus ? Math.trunc((NanoCpus * CPU_PERIOD) / 1e9) : resources.CpuQuota;
  return some({
    ...(CpuShares && { shares: CpuShares }),
    ...(period && { period }),
    ...(quota && { quota }),
    ...(CpuRealtimePeriod && { realtimePeriod: CpuRealtimePeriod }),
    ...(CpuRealtimeRuntime && { realtimeRuntime: CpuRealtimeRuntime }),
    ...(CpusetCpus && { cpus: CpusetCpus }),
    ...(CpusetMems && { mems: CpusetMems }),
  });
}

function blockIoOf(resources: Resources): OciResources['blockIO'] {
  const rates = (list: Resources['BlkioDeviceReadBps']) =>
    list?.length ? list.map(({ Path, Rate }) => ({ ...blockDevice(Path), rate: Rate })) : undefined;
  const weights = resources.BlkioWeightDevice?.map(({ Path, Weight }) => ({
    ...blockDevice(Path),
    weight: Weight,
  }));
  const throttles = {
    throttleReadBpsDevice: rates(resources.BlkioDeviceReadBps),
    throttleWriteBpsDevice: rates(resources.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: rates(resources.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: rates(resources.BlkioDeviceWriteIOps),
  };
  return some({
    ...(resources.BlkioWeight && { weight: resources.BlkioWeight }),
    ...(weights?.length && { weightDevice: weights }),
    ...(Object.fromEntries(Object.entries(throttles).filter(([, list]) => list !== undefined)) as NonNullable<
      OciResources['blockIO']
    >),
  });
}

/** @throws system naming the path */
function blockDevice(path: string): OciBlockDevice {
  try {
    const { rdev } = statSync(path);
    return { major: majorOf(rdev), minor: minorOf(rdev) };
  } catch (cause) {
    throw systemError(`stat ${path}: no such file or directory`, cause);
  }
}

/** Linux's encoding of a device number in stat's st_rdev. */
export const majorOf = (rdev: number): number => {
  const value = BigInt(rdev);
  return Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n));
};
/** The minor number, by the same encoding. */
export const minorOf = (rdev: number): number => {
  const value = BigInt(rdev);
  return Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n));
};
