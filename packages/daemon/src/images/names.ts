import { invalidParameter } from '../base/errors.ts';
import {
  credentialsHost,
  familiarName,
  parseReference,
  repositoryOf,
  withDefaultTag,
  withTagOrDigest,
} from './references.ts';

/* Names of images as clients write them in requests. */

/** The host whose credentials the registry of a name asks for. @throws invalid-parameter for a malformed name. */
export const credentialsHostOf = (name: string): string => credentialsHost(parseReference(name));

/**
 * A name that a build gives its result, as repository and tag.
 * @throws invalid-parameter for a malformed name, or one with a digest.
 */
export function splitReference(text: string): { repository: string; tag: string } {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw invalidParameter('build tag cannot contain a digest');
  return { repository: familiarName(reference), tag: withDefaultTag(reference).tag! };
}

/**
 * Parses the name of a pull: repository, and the tag or digest; without either, all tags are meant.
 * @throws invalid-parameter for a malformed name or tag.
 */
export function parsePullName(image: string, tag?: string): { name: string; tag?: string } {
  // `docker pull -a` may send a name that ends in a colon.
  const reference = parseReference(image.replace(/:$/, ''));
  const name = repositoryOf(reference);
  const chosen = tag || (reference.digest ?? reference.tag);
  if (chosen === undefined) return { name };
  withTagOrDigest(reference, chosen);
  return { name, tag: chosen };
}
