export type * from './api.ts';
export { createApp } from './app.ts';
export { type Listening, listen } from './listen.ts';
export { API_VERSION, MIN_API_VERSION } from './versions.ts';
