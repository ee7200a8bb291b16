import { invalidParameter, notFound } from '../base/errors.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import {
  familiarString,
  fullName,
  imageId,
  parseReference,
  type Reference,
  withDefaultTag,
} from './references.ts';

/**
 * Finds an image by name, digest, id or the beginning of an id, in Docker's order.
 * @throws not-found `No such image: x:latest`; invalid-parameter for a malformed reference.
 */
export function find(catalogue: Catalogue, text: string): Entry {
  if (text.trim() === '') throw invalidParameter('invalid reference format');
  const id = imageId(text);
  if (id !== undefined) {
    const image = catalogue.get(id);
    if (image) return image;
    throw notFound(`No such image: ${id}`);
  }
  const reference = withDefaultTag(parseReference(text));
  const image = findNamed(catalogue, reference) ?? findByPrefix(catalogue, text);
  if (image) return image;
  throw notFound(`No such image: ${familiarString(reference)}`);
}

/** The image that has this name. A digest beside a tag decides alone: its content cannot change. */
export function findNamed(catalogue: Catalogue, reference: Reference): Entry | undefined {
  const id = catalogue.idOf(fullName(key(reference)));
  return id === undefined ? undefined : catalogue.get(id);
}

/** The key of a reference in the catalogue. */
export function key(reference: Reference): Reference {
  const named = withDefaultTag(reference);
  return named.digest === undefined
    ? named
    : { domain: named.domain, path: named.path, digest: named.digest };
}

function findByPrefix(catalogue: Catalogue, text: string): Entry | undefined {
  const ids = catalogue.search(text);
  return ids.length === 1 ? catalogue.get(ids[0]!) : undefined;
}

/** Whether the text names the image by its id (or the beginning of it) and not by a name. */
export function namesById(id: string, text: string): boolean {
  return id.startsWith(text) || id.slice(id.indexOf(':') + 1).startsWith(text);
}
