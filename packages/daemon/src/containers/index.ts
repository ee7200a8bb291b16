export type * from './api.ts';
export { openContainers } from './containers.ts';
export { STEADY_SECONDS } from './model/restart-policy.ts';
