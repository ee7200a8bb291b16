import type { EngineEvent } from '../../events/index.ts';

/* The shape of an event for older clients. */

/** Versions in which something appeared or went. */
const IMAGE_CREATE = 46;
const NO_LEGACY = 52;

/** An event as `version` has it; undefined for one that it does not have. */
export function eventFor(version: number, event: EngineEvent): EngineEvent | undefined {
  if (version < IMAGE_CREATE && event.Type === 'image' && event.Action === 'create') return undefined;
  const sorted = { ...event, Actor: { ...event.Actor, Attributes: byName(event.Actor.Attributes) } };
  return version < NO_LEGACY ? withLegacyMembers(sorted) : sorted;
}

const byName = (attributes: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Events of containers and images said once more who and what, before the others. */
function withLegacyMembers(event: EngineEvent): EngineEvent {
  if (event.Type !== 'container' && event.Type !== 'image') return event;
  const image = event.Type === 'container' ? event.Actor.Attributes['image'] : undefined;
  const legacy = {
    status: event.Action,
    id: event.Actor.ID,
    ...(image !== undefined && { from: image }),
  };
  return { ...legacy, ...event };
}
