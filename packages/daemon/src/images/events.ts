import type { Events } from '../events/api.ts';
import type { Catalogue } from './catalogue.ts';
import { findNamed } from './lookup.ts';
import { familiarName, familiarString, type Reference } from './references.ts';

interface Context {
  catalogue: Catalogue;
  events: Events;
}

/** Tells about an image by its id; its labels go along while it exists, as with dockerd. */
export function imageEvent({ catalogue, events }: Context, action: string, id: string, name = id): void {
  events.emit('image', action, id, { ...catalogue.get(id)?.config.config?.Labels, name });
}

/** Tells about a name that was pulled or pushed. */
export function referenceEvent({ catalogue, events }: Context, action: string, reference: Reference): void {
  const labels =
    reference.tag === undefined && reference.digest === undefined
      ? undefined
      : findNamed(catalogue, reference)?.config.config?.Labels;
  events.emit('image', action, familiarString(reference), { ...labels, name: familiarName(reference) });
}
