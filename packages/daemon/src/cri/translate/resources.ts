import type { Resources } from '../../runtime/api.ts';
import { list, needed, refuse, text, texts, within } from '../checks.ts';
import type { LinuxResources } from '../messages.ts';

/** Bytes that a limit can be at most: int64's, as far as a number of ours is exact. */
const BYTES = Number.MAX_SAFE_INTEGER;
const PAGE_SIZE = /^(\d+)(KB|MB|GB)$/;

/** A container's limits in the words of the Docker API, and those that it has no words for. */
export interface Limits {
  host: Resources;
  oomScoreAdj: number;
  unified: Record<string, string>;
  hugepages: Array<{ PageSize: string; Limit: number }>;
}

/** @throws invalid-parameter naming the field. */
export function limits(given: LinuxResources | null | undefined, field: string): Limits {
  const number = (name: keyof LinuxResources, least = 0, most = BYTES) =>
    within(given?.[name], `${field}.${name}`, least, most);
  const memory = number('memory_limit_in_bytes', -1);
  const swap = number('memory_swap_limit_in_bytes', -1);
  if (swap > 0 && memory > 0 && swap < memory)
    throw refuse(
      `${field}.memory_swap_limit_in_bytes`,
      'it is memory and swap together, and less than the memory',
    );
  return {
    host: {
      CpuPeriod: cpuPeriod(number('cpu_period'), field),
      CpuQuota: number('cpu_quota', -1),
      CpuShares: shares(number('cpu_shares')),
      Memory: Math.max(memory, 0),
      // Without a limit of its own it does not swap.
      ...(memory > 0 && { MemorySwap: swap === 0 ? memory : swap }),
      CpusetCpus: cpus(given?.cpuset_cpus, `${field}.cpuset_cpus`),
      CpusetMems: cpus(given?.cpuset_mems, `${field}.cpuset_mems`),
    },
    oomScoreAdj: within(given?.oom_score_adj, `${field}.oom_score_adj`, -1000, 1000),
    unified: unified(given?.unified, `${field}.unified`),
    hugepages: list(given?.hugepage_limits, `${field}.hugepage_limits`).map(({ page_size, limit }, index) => {
      const size = needed(page_size, `${field}.hugepage_limits[${index}].page_size`, 16);
      if (!PAGE_SIZE.test(size))
        throw refuse(
          `${field}.hugepage_limits[${index}].page_size`,
          `${JSON.stringify(size)} is no size, use 2MB or the like`,
        );
      return { PageSize: size, Limit: within(limit, `${field}.hugepage_limits[${index}].limit`, 0, BYTES) };
    }),
  };
}

function cpuPeriod(period: number, field: string): number {
  if (period !== 0 && (period < 1000 || period > 1_000_000))
    throw refuse(`${field}.cpu_period`, `${period} is not between 1000 and 1000000 (microseconds)`);
  return period;
}

/** The kernel's least and most. */
const shares = (given: number): number => (given === 0 ? 0 : Math.min(Math.max(given, 2), 262_144));

function cpus(given: string | undefined, field: string): string {
  const checked = text(given, field, 4096);
  if (!/^[\d,-]*$/.test(checked)) throw refuse(field, `${JSON.stringify(checked)} is no list of numbers`);
  return checked;
}

function unified(given: Record<string, string> | undefined, field: string): Record<string, string> {
  const files = texts(given, field);
  for (const name of Object.keys(files))
    if (!/^[a-z0-9_]+(\.[A-Za-z0-9_]+)+$/.test(name) || name.startsWith('cgroup.'))
      throw refuse(`${field}[${name}]`, 'it is no limit of a cgroup');
  return files;
}
