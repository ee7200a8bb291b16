export { parseCommandLine, reload, UsageError, usage } from './options.ts';
export type { Settings } from './settings.ts';
