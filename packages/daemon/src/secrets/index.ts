export * from './api.ts';
export { openSecrets } from './secrets.ts';
