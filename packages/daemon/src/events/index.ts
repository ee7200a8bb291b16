export { openEvents } from './events.ts';
export * from './face.ts';
export { type EventFilters, matches } from './filter.ts';
