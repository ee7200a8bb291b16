import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { maskedPaths } from './masks.ts';

test('the throttling of each CPU that tells of it is hidden', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-cpus-'));
  for (const name of ['cpu10/thermal_throttle', 'cpu2/thermal_throttle', 'cpu3', 'cpufreq/thermal_throttle'])
    mkdirSync(join(folder, name), { recursive: true });
  expect(maskedPaths(folder).slice(-3)).toEqual([
    '/sys/firmware',
    '/sys/devices/system/cpu/cpu2/thermal_throttle',
    '/sys/devices/system/cpu/cpu10/thermal_throttle',
  ]);
  expect(maskedPaths(folder)).toContain('/proc/interrupts');
  rmSync(folder, { recursive: true });
});
