export { parseCommandLine, reload, usage } from './options.ts';
export type { Settings } from './settings.ts';
export { UsageError } from './usage-error.ts';
