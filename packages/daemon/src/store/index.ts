export * from './api.ts';
export { openStore } from './store.ts';
