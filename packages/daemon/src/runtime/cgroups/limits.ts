import { statSync } from 'node:fs';
import { invalidParameter, systemError } from '../../base/errors.ts';
import type { Resources } from '../api.ts';

/** One value to be written into a cgroup's file. `controller` chooses the hierarchy on v1. */
export interface CgroupWrite {
  controller: string;
  file: string;
  value: string;
}

const CPU_PERIOD = 100_000; // microseconds: the kernel's default

interface Cpu {
  period: number | undefined;
  quota: number | undefined;
}

function cpuOf(resources: Resources): Cpu {
  if (resources.NanoCpus)
    return { period: CPU_PERIOD, quota: Math.trunc((resources.NanoCpus * CPU_PERIOD) / 1e9) };
  return { period: resources.CpuPeriod || undefined, quota: resources.CpuQuota || undefined };
}

/** Memory plus swap: twice the memory where nothing is said, as Docker has it; -1 for no limit. */
function swapOf(resources: Resources, update: boolean): number | undefined {
  if (resources.MemorySwap) return resources.MemorySwap < 0 ? -1 : resources.MemorySwap;
  return resources.Memory && resources.Memory > 0 && !update ? resources.Memory * 2 : undefined;
}

/** `major:minor` of a device file. @throws system naming the path. */
function deviceNumber(path: string): string {
  try {
    const { rdev } = statSync(path);
    return `${majorOf(rdev)}:${minorOf(rdev)}`;
  } catch (cause) {
    throw systemError(`stat ${path}: no such file or directory`, cause);
  }
}

/** Linux's encoding of a device number in stat's st_rdev. */
export const majorOf = (rdev: number): number => {
  const value = BigInt(rdev);
  return Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n));
};
export const minorOf = (rdev: number): number => {
  const value = BigInt(rdev);
  return Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n));
};

function throttles(resources: Resources) {
  return [
    ['read_bps', 'rbps', resources.BlkioDeviceReadBps],
    ['write_bps', 'wbps', resources.BlkioDeviceWriteBps],
    ['read_iops', 'riops', resources.BlkioDeviceReadIOps],
    ['write_iops', 'wiops', resources.BlkioDeviceWriteIOps],
  ] as const;
}

/** Bounds of the kernel's cpu.shares, between which it would move a value in silence. */
const MIN_SHARES = 2;
const MAX_SHARES = 262144;

/** Refuses CPU shares that runc refuses although dockerd lets them through. @throws system, invalid-parameter. */
function checkShares(shares: number): void {
  if (shares < 0) throw systemError('shares: invalid argument');
  const bound =
    shares < MIN_SHARES
      ? `minimum allowed cpu-shares is ${MIN_SHARES}`
      : shares > MAX_SHARES
        ? `maximum allowed cpu-shares is ${MAX_SHARES}`
        : '';
  if (bound)
    throw systemError(
      `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error setting cgroup config for procHooks process: the ${bound}: unknown`,
    );
}

/** The limits as writes to v1 files, in an order that the kernel takes from a new cgroup. */
export function limitsV1(resources: Resources, update = false): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const put = (controller: string, file: string, value: string | number) =>
    writes.push({ controller, file: `${controller}.${file}`, value: String(value) });

  if (resources.Memory) put('memory', 'limit_in_bytes', resources.Memory);
  const swap = swapOf(resources, update);
  if (swap !== undefined) put('memory', 'memsw.limit_in_bytes', swap);
  if (resources.MemoryReservation) put('memory', 'soft_limit_in_bytes', resources.MemoryReservation);
  if (typeof resources.MemorySwappiness === 'number' && resources.MemorySwappiness >= 0)
    put('memory', 'swappiness', resources.MemorySwappiness);
  if (resources.OomKillDisable) put('memory', 'oom_control', 1);

  if (resources.CpuShares) {
    checkShares(resources.CpuShares);
    put('cpu', 'shares', resources.CpuShares);
  }
  const cpu = cpuOf(resources);
  if (cpu.period !== undefined) put('cpu', 'cfs_period_us', cpu.period);
  if (cpu.quota !== undefined) put('cpu', 'cfs_quota_us', cpu.quota);
  if (resources.CpuRealtimePeriod) put('cpu', 'rt_period_us', resources.CpuRealtimePeriod);
  if (resources.CpuRealtimeRuntime) put('cpu', 'rt_runtime_us', resources.CpuRealtimeRuntime);
  if (resources.CpusetCpus) put('cpuset', 'cpus', resources.CpusetCpus);
  if (resources.CpusetMems) put('cpuset', 'mems', resources.CpusetMems);

  if (typeof resources.PidsLimit === 'number')
    put('pids', 'max', resources.PidsLimit > 0 ? resources.PidsLimit : 'max');

  if (resources.BlkioWeight) put('blkio', 'weight', resources.BlkioWeight);
  for (const { Path, Weight } of resources.BlkioWeightDevice ?? [])
    put('blkio', 'weight_device', `${deviceNumber(Path)} ${Weight}`);
  for (const [file, , devices] of throttles(resources)) {
    for (const { Path, Rate } of devices ?? [])
      put('blkio', `throttle.${file}_device`, `${deviceNumber(Path)} ${Rate}`);
  }
  return writes;
}

/** v1's 2..262144 onto v2's 1..10000, as runc maps it. */
export const weightOfShares = (shares: number): number =>
  1 + Math.trunc(((Math.min(Math.max(shares, 2), 262144) - 2) * 9999) / 262142);

/** v1's 10..1000 onto v2's 1..10000, as runc maps it. */
const ioWeight = (weight: number): number => 1 + Math.trunc(((weight - 10) * 9999) / 990);

/** The limits as writes to v2 files. */
export function limitsV2(resources: Resources, update = false): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const put = (file: string, value: string | number) =>
    writes.push({ controller: '', file, value: String(value) });
  const bytes = (value: number) => (value < 0 ? 'max' : value);

  if (resources.Memory) put('memory.max', bytes(resources.Memory));
  const swap = swapOf(resources, update);
  if (swap !== undefined) {
    // v2 counts swap alone.
    if (swap > 0 && resources.Memory && swap < resources.Memory)
      throw invalidParameter('Minimum memoryswap limit should be larger than memory limit, see usage');
    put('memory.swap.max', swap < 0 ? 'max' : swap - (resources.Memory ?? 0));
  }
  if (resources.MemoryReservation) put('memory.low', bytes(resources.MemoryReservation));

  if (resources.CpuShares) {
    checkShares(resources.CpuShares);
    put('cpu.weight', weightOfShares(resources.CpuShares));
  }
  const cpu = cpuOf(resources);
  if (cpu.period !== undefined || cpu.quota !== undefined)
    put(
      'cpu.max',
      `${cpu.quota !== undefined && cpu.quota > 0 ? cpu.quota : 'max'} ${cpu.period ?? CPU_PERIOD}`,
    );
  if (resources.CpusetCpus) put('cpuset.cpus', resources.CpusetCpus);
  if (resources.CpusetMems) put('cpuset.mems', resources.CpusetMems);

  if (typeof resources.PidsLimit === 'number')
    put('pids.max', resources.PidsLimit > 0 ? resources.PidsLimit : 'max');

  if (resources.BlkioWeight) put('io.weight', `default ${ioWeight(resources.BlkioWeight)}`);
  for (const { Path, Weight } of resources.BlkioWeightDevice ?? [])
    put('io.weight', `${deviceNumber(Path)} ${ioWeight(Weight)}`);
  for (const [, key, devices] of throttles(resources)) {
    for (const { Path, Rate } of devices ?? []) put('io.max', `${deviceNumber(Path)} ${key}=${Rate}`);
  }
  return writes;
}
