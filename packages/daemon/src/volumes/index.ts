export * from './api.ts';
export { openVolumes } from './volumes.ts';
