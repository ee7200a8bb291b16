import { existsSync, readdirSync } from 'node:fs';

/** May be read, not written. */
export const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const CPUS = '/sys/devices/system/cpu';

let all: string[] | undefined;

/**
 * Hidden from containers that name no paths themselves: what tells of the host, or lets it be changed. The counters of
 * interrupts and of each CPU's throttling tell what others type and compute (moby's GHSA-6fw5-f8r9-fgfm).
 */
export function maskedPaths(cpus = CPUS): string[] {
  if (all && cpus === CPUS) return all;
  const numbers = (existsSync(cpus) ? readdirSync(cpus) : [])
    .flatMap((name) => /^cpu(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const throttles = numbers.map((number) => `/cpu${number}/thermal_throttle`);
  const list = [
    ...MASKED_PATHS,
    ...throttles.filter((path) => existsSync(cpus + path)).map((path) => CPUS + path),
  ];
  if (cpus === CPUS) all = list;
  return list;
}
