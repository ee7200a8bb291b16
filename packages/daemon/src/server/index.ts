export { createApp } from './app.ts';
export type * from './face.ts';
export { checkFilters, parseFilters } from './filters.ts';
export { type Listening, listen } from './listen.ts';
export { parseCommandLine, reload, UsageError, usage } from './options.ts';
export { API_VERSION, MIN_API_VERSION } from './versions.ts';
