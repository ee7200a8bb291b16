import { invalidParameter, systemError } from '../../base/errors.ts';
import type { OciResources } from '../oci/config.ts';

/** One value to be written into a cgroup's file. `controller` chooses the hierarchy on v1. */
export interface CgroupWrite {
  controller: string;
  file: string;
  value: string;
}

const CPU_PERIOD = 100_000; // microseconds: the kernel's default

/** The specification's lists of throttled devices, with the names of v1's files and of v2's keys. */
const THROTTLES = [
  ['throttleReadBpsDevice', 'read_bps', 'rbps'],
  ['throttleWriteBpsDevice', 'write_bps', 'wbps'],
  ['throttleReadIOPSDevice', 'read_iops', 'riops'],
  ['throttleWriteIOPSDevice', 'write_iops', 'wiops'],
] as const;

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
export function limitsV1({
  memory = {},
  cpu = {},
  pids,
  blockIO = {},
  hugepageLimits = [],
}: OciResources): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const put = (controller: string, file: string, value: string | number | undefined) => {
    if (value !== undefined) writes.push({ controller, file: `${controller}.${file}`, value: String(value) });
  };
  put('memory', 'limit_in_bytes', memory.limit);
  put('memory', 'memsw.limit_in_bytes', memory.swap);
  put('memory', 'soft_limit_in_bytes', memory.reservation);
  put('memory', 'swappiness', memory.swappiness);
  if (memory.disableOOMKiller) put('memory', 'oom_control', 1);

  if (cpu.shares !== undefined) checkShares(cpu.shares);
  put('cpu', 'shares', cpu.shares);
  put('cpu', 'cfs_period_us', cpu.period);
  put('cpu', 'cfs_quota_us', cpu.quota);
  put('cpu', 'rt_period_us', cpu.realtimePeriod);
  put('cpu', 'rt_runtime_us', cpu.realtimeRuntime);
  put('cpuset', 'cpus', cpu.cpus);
  put('cpuset', 'mems', cpu.mems);

  if (pids) put('pids', 'max', pids.limit > 0 ? pids.limit : 'max');

  for (const { pageSize, limit } of hugepageLimits) put('hugetlb', `${pageSize}.limit_in_bytes`, limit);
  put('blkio', 'weight', blockIO.weight);
  for (const { major, minor, weight } of blockIO.weightDevice ?? [])
    put('blkio', 'weight_device', `${major}:${minor} ${weight}`);
  for (const [list, file] of THROTTLES) {
    for (const { major, minor, rate } of blockIO[list] ?? [])
      put('blkio', `throttle.${file}_device`, `${major}:${minor} ${rate}`);
  }
  return writes;
}

/** v1's 2..262144 onto v2's 1..10000, as runc maps it. */
const weightOfShares = (shares: number): number =>
  1 + Math.trunc(((Math.min(Math.max(shares, 2), 262144) - 2) * 9999) / 262142);

/** v1's 10..1000 onto v2's 1..10000, as runc maps it. */
const ioWeight = (weight: number): number => 1 + Math.trunc(((weight - 10) * 9999) / 990);

/** The limits as writes to v2 files. @throws invalid-parameter for less memory with swap than without */
export function limitsV2({
  memory = {},
  cpu = {},
  pids,
  blockIO = {},
  hugepageLimits = [],
  unified = {},
}: OciResources): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const put = (file: string, value: string | number | undefined) => {
    if (value !== undefined) writes.push({ controller: '', file, value: String(value) });
  };
  const bytes = (value: number | undefined) => (value !== undefined && value < 0 ? 'max' : value);

  put('memory.max', bytes(memory.limit));
  if (memory.swap !== undefined) {
    // v2 counts swap alone.
    if (memory.swap > 0 && memory.limit && memory.swap < memory.limit)
      throw invalidParameter('Minimum memoryswap limit should be larger than memory limit, see usage');
    put('memory.swap.max', memory.swap < 0 ? 'max' : memory.swap - (memory.limit ?? 0));
  }
  put('memory.low', bytes(memory.reservation));

  if (cpu.shares !== undefined) {
    checkShares(cpu.shares);
    put('cpu.weight', weightOfShares(cpu.shares));
  }
  if (cpu.period !== undefined || cpu.quota !== undefined)
    put(
      'cpu.max',
      `${cpu.quota !== undefined && cpu.quota > 0 ? cpu.quota : 'max'} ${cpu.period ?? CPU_PERIOD}`,
    );
  put('cpuset.cpus', cpu.cpus);
  put('cpuset.mems', cpu.mems);

  if (pids) put('pids.max', pids.limit > 0 ? pids.limit : 'max');

  for (const { pageSize, limit } of hugepageLimits) put(`hugetlb.${pageSize}.max`, limit);
  for (const [file, value] of Object.entries(unified)) put(file, value);
  if (blockIO.weight !== undefined) put('io.weight', `default ${ioWeight(blockIO.weight)}`);
  for (const { major, minor, weight } of blockIO.weightDevice ?? [])
    put('io.weight', `${major}:${minor} ${ioWeight(weight)}`);
  for (const [list, , key] of THROTTLES) {
    for (const { major, minor, rate } of blockIO[list] ?? [])
      put('io.max', `${major}:${minor} ${key}=${rate}`);
  }
  return writes;
}
