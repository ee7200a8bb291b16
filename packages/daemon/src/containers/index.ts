export { openContainers } from './containers.ts';
export type * from './face.ts';
export { parseUnixTime } from './time.ts';
