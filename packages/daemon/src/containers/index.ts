export { openContainers } from './containers.ts';
export type * from './face.ts';
export { parseSignal } from './signals.ts';
export { parseUnixTime } from './time.ts';
