import type { Runtime } from './api.ts';
import { NativeRuntime, type RuntimeOptions } from './runtime.ts';

export type * from './api.ts';
export { containerCapabilities, DEFAULT_CAPABILITIES, normalizeCapabilities } from './capabilities.ts';
export { AS_CONTAINER, parseIdMap } from './id-map.ts';
export { describeLaunchError, launchExitCode } from './launch-errors.ts';
export { maskedPaths, READONLY_PATHS } from './masks.ts';
export { bindWords } from './mounts.ts';
export { parseSecurityOptions } from './security.ts';
export { isIpcSysctl } from './sysctls.ts';

/**
 * The runtime of this machine.
 * @throws system when cgroups are not mounted, or a daemon option (seccomp profile, user remapping) can't be used.
 */
export function openRuntime({ settings }: RuntimeOptions): Runtime {
  return new NativeRuntime(settings);
}
