import { diskFull } from './faults/disk.ts';
import { failing } from './faults/failpoints.ts';
import { daemonKilled, helperKilled, stopped, supervisorKilled } from './faults/processes.ts';
import type { Mode } from './mode.ts';

export const modes: Record<string, Mode> = {
  quiet: stopped([]),
  kill: daemonKilled(),
  launcher: helperKilled('launcher'),
  worker: helperKilled('net'),
  supervisor: supervisorKilled(),
  stop: stopped(['daemon', 'launcher', 'net', 'supervisor']),
  bytes: diskFull('bytes'),
  inodes: diskFull('inodes'),
  failpoints: failing(),
};
