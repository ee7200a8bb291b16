import type { Resources } from '../../runtime/api.ts';
import type { HostConfig } from '../model/types.ts';

/** The resource members of a HostConfig. */
export function resourcesOf(host: HostConfig): Resources {
  return {
    CpuShares: host.CpuShares,
    Memory: host.Memory,
    MemoryReservation: host.MemoryReservation,
    MemorySwap: host.MemorySwap,
    MemorySwappiness: host.MemorySwappiness,
    NanoCpus: host.NanoCpus,
    CpuPeriod: host.CpuPeriod,
    CpuQuota: host.CpuQuota,
    CpuRealtimePeriod: host.CpuRealtimePeriod,
    CpuRealtimeRuntime: host.CpuRealtimeRuntime,
    CpusetCpus: host.CpusetCpus,
    CpusetMems: host.CpusetMems,
    PidsLimit: host.PidsLimit,
    OomKillDisable: host.OomKillDisable,
    BlkioWeight: host.BlkioWeight,
    BlkioWeightDevice: host.BlkioWeightDevice,
    BlkioDeviceReadBps: host.BlkioDeviceReadBps,
    BlkioDeviceWriteBps: host.BlkioDeviceWriteBps,
    BlkioDeviceReadIOps: host.BlkioDeviceReadIOps,
    BlkioDeviceWriteIOps: host.BlkioDeviceWriteIOps,
    CgroupParent: host.CgroupParent,
  };
}

/** A limit that this kernel can't apply, and that was warned of, is not kept either. */
export function discardUnsupported(host: HostConfig, supported: Resources): void {
  for (const member of DISCARDED) {
    if (!host[member] || member in supported) continue;
    Object.assign(host, { [member]: member in UNLIMITED ? UNLIMITED[member] : 0 });
  }
}

/** Settings of limits that stand for "as many as you like" where they are not 0. */
const UNLIMITED: Partial<HostConfig> = {
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
};

const DISCARDED = [
  ...(Object.keys(UNLIMITED) as Array<keyof typeof UNLIMITED>),
  'MemoryReservation',
  'CpuShares',
  'BlkioWeight',
] as const;
