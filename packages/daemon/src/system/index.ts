export { type DiskUsage, diskUsage } from './df.ts';
export { daemonId } from './identity.ts';
export { type DaemonInfo, daemonInfo } from './info.ts';
export { versionInfo } from './version.ts';
