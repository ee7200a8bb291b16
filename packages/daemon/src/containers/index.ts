export type * from './api.ts';
export { openContainers } from './containers.ts';
