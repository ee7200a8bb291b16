import type { PortMap } from '../../networks/api.ts';
import type { Resources } from '../../runtime/api.ts';
import type { MountSpec, RestartPolicy } from './types.ts';

/** The changes of an update beside limits and the restart policy. A member that is absent leaves all as it is. */
export interface SettingsChange {
  Labels?: Record<string, string>;
  RemovedLabels?: string[];
  /** Variables, by their names. */
  Env?: Record<string, string>;
  RemovedEnv?: string[];
  /** Bindings of a port, in place of those it has; none: it is not published any more. */
  PortBindings?: PortMap;
  /** Mounts that come, each in place of what is mounted at its target. */
  Mounts?: MountSpec[];
  /** Targets of mounts that go. */
  RemovedMounts?: string[];
  LogConfig?: { Type?: string; Config?: Record<string, string> };
}

/** The members that hold at once, and those that hold with the next start. */
export interface ChangeOutcome {
  Applied: string[];
  AfterRestart: string[];
}

/** All that an update may ask for. */
export type Update = Resources & SettingsChange & { RestartPolicy?: Partial<RestartPolicy> };
