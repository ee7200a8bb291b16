export { type DiskUsage, diskUsage } from './df.ts';
export { daemonId } from './identity.ts';
export { daemonInfo } from './info.ts';
export { versionInfo } from './version.ts';
