export * from './api.ts';
export { openEvents } from './events.ts';
export { type EventFilters, matches } from './filter.ts';
