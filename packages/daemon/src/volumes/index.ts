export * from './face.ts';
export { openVolumes } from './volumes.ts';
