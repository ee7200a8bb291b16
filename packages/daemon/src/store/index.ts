export * from './face.ts';
export { openStore } from './store.ts';
