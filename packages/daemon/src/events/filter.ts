import type { EngineEvent } from './api.ts';

export type EventFilters = Record<string, string[]>;

/** These actions carry a detail after a colon, which a filter may leave out. */
const DETAILED = ['health_status', 'exec_create', 'exec_start'];

/** Filters of a kind of object, matched by the beginning of an id or name; like dockerd's they ask nothing of the event's type. */
const OBJECTS = ['container', 'network', 'plugin', 'volume', 'daemon', 'service', 'node', 'secret', 'config'];

/** Whether an event passes all filters (GET /events); values of one filter are alternatives. */
export function matches(event: EngineEvent, filters: EventFilters): boolean {
  const { Type, Action, Actor } = event;
  const given = (key: string) => (filters[key]?.length ? filters[key] : undefined);

  const actions = given('event');
  if (actions) {
    const loose = actions.some((action) => DETAILED.includes(action));
    if (!actions.some((action) => action === Action || (loose && Action.startsWith(action)))) return false;
  }
  const types = given('type');
  if (types && !types.includes(Type)) return false;
  const scopes = given('scope');
  if (scopes && !scopes.includes(event.scope)) return false;
  for (const kind of OBJECTS) {
    const wanted = given(kind);
    if (!wanted) continue;
    const name = Actor.Attributes['name'] ?? '';
    if (!wanted.some((value) => Actor.ID.startsWith(value) || name.startsWith(value))) return false;
  }
  const images = given('image');
  if (images && !matchesImage(event, images)) return false;
  const labels = given('label');
  return !labels || labels.every((label) => matchesLabel(Actor.Attributes, label));
}

function matchesImage({ Type, Actor }: EngineEvent, wanted: string[]): boolean {
  const own = Type === 'image';
  const id = own ? Actor.ID : (Actor.Attributes['image'] ?? '');
  const name = Actor.Attributes[own ? 'name' : 'image'] ?? '';
  return [id, name, withoutTag(id), withoutTag(name)].some((candidate) => wanted.includes(candidate));
}

function withoutTag(reference: string): string {
  const [name = ''] = reference.split('@', 1);
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon === -1 || name.startsWith('sha256:') ? name : name.slice(0, colon);
}

function matchesLabel(attributes: Record<string, string>, label: string): boolean {
  const equals = label.indexOf('=');
  if (equals === -1) return Object.hasOwn(attributes, label);
  return attributes[label.slice(0, equals)] === label.slice(equals + 1);
}
