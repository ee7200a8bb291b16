import { conflict, invalidParameter, notFound } from '../base/errors.ts';
import type { Events } from '../events/api.ts';
import type { Layers } from '../layers/api.ts';
import type { Store } from '../store/api.ts';
import type { AttestationBlobs } from './attestations.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { chainIds } from './config.ts';
import { imageEvent } from './events.ts';
import { find, key, namesById } from './lookup.ts';
import { formatPlatform, matchesPlatform, parsePlatform } from './platforms.ts';
import { shortId } from './progress.ts';
import { familiarString, parseReference, type Reference, repositoryOf } from './references.ts';
import type { Retention } from './retention.ts';
import { variantsOf } from './variants.ts';

export type Removed = { Untagged?: string; Deleted?: string };

export interface RemovalContext {
  catalogue: Catalogue;
  retention: Retention;
  blobs: AttestationBlobs;
  layers: Layers;
  events: Events;
  store: Store;
  users: (imageId: string) => Array<{ id: string; running: boolean }>;
  builds: ReadonlyMap<string, number>;
}

/** A reason against deleting an image; a `hard` one holds even when forced. */
interface Obstacle {
  hard: boolean;
  used: boolean;
  message: string;
}

interface Removal {
  context: RemovalContext;
  lines: Removed[];
  /** The place of the Deleted lines of layers, which come once it is known which ones went: after the image's own line. */
  images: Array<{ at: number; diffIds: string[] }>;
}

/**
 * Untags or deletes by Docker's rules: a name goes first, and the image when it was the last one; its untagged parents
 * follow unless `noprune`.
 * @throws conflict with dockerd's texts; not-found.
 */
export async function removeImage(
  context: RemovalContext,
  text: string,
  { force, noprune, platforms = [] }: { force: boolean; noprune: boolean; platforms?: string[] },
): Promise<Removed[]> {
  if (text.trim() === '') throw invalidParameter('image name cannot be blank');
  if (platforms.length > 0 && !force)
    throw invalidParameter(
      'Content will be removed from all images referencing this variant. Use —-force to force delete.',
    );
  const image = find(context.catalogue, text);
  const removal: Removal = { context, lines: [], images: [] };
  if (platforms.length > 0) {
    for (const platform of platforms) removePlatform(removal, text, image, platform);
    return finish(removal);
  }
  const byName = !namesById(image.id, text);
  if (byName) {
    if (!force && isSingle(image.references)) refuseWhenUsed(context, image, text);
    untag(removal, image, parseReference(text));
    if (context.catalogue.get(image.id)!.references.length > 0) return finish(removal);
  } else if (isSingle(image.references)) {
    const found = obstacle(context, image.id, { soft: !force, references: false });
    if (found) throw refusal(image.id, found);
    for (const reference of image.references) dropName(removal, image.id, reference, true);
  }
  deleteImage(removal, image.id, { force, prune: !noprune, quiet: byName });
  return finish(removal);
}

/**
 * Takes away what an image has for one platform. The names stay with another platform's part; with the last part they go.
 * @throws not-found when nothing is for that platform; conflict when a running container uses it.
 */
function removePlatform(removal: Removal, text: string, image: Entry, platform: string): void {
  const { context, lines, images } = removal;
  const { catalogue } = context;
  const wanted = parsePlatform(platform);
  const parts = [image, ...variantsOf(catalogue, image)].filter(({ id }) => catalogue.get(id));
  const part = parts.find(({ config }) => matchesPlatform(wanted, config));
  if (!part)
    throw notFound(
      `image with reference ${text} was found but does not provide the specified platform (${formatPlatform(wanted)})`,
    );
  const others = parts.filter(({ id }) => id !== part.id);
  const found = obstacle(context, part.id, { soft: false, references: false });
  if (found) throw refusal(part.id, found);
  const heir = others.find(({ references }) => references.length > 0) ?? others[0];
  if (heir) catalogue.inherit(part.id, heir.id);
  for (const reference of catalogue.get(part.id)!.references) dropName(removal, part.id, reference, true);
  catalogue.remove(part.id, context.users(part.id).length > 0);
  lines.push({ Deleted: part.id });
  images.push({ at: lines.length, diffIds: part.config.rootfs.diff_ids });
  imageEvent(context, 'delete', part.id);
}

/** Docker lets go of a name without force only when the image keeps another, or nobody stands on it. */
function refuseWhenUsed(context: RemovalContext, image: Entry, text: string): void {
  const [user] = context.users(image.id);
  if (user)
    throw conflict(
      `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
    );
}

/** Takes one name away, and with the last tag of a repository the digests it had there. */
function untag(removal: Removal, image: Entry, reference: Reference): void {
  const { catalogue } = removal.context;
  const name = key(reference);
  dropName(removal, image.id, name, true);
  if (name.digest !== undefined) return;
  const rest = catalogue
    .get(image.id)!
    .references.filter((other) => repositoryOf(other) === repositoryOf(name));
  if (rest.some((other) => other.tag !== undefined)) return;
  for (const digest of rest) dropName(removal, image.id, digest, false);
}

function dropName({ context, lines }: Removal, id: string, reference: Reference, announce: boolean): void {
  context.catalogue.unname(reference);
  lines.push({ Untagged: familiarString(reference) });
  if (announce) imageEvent(context, 'untag', id);
}

/** All names are of one repository, and at most one of them is a tag. */
function isSingle(references: readonly Reference[]): boolean {
  if (references.length <= 1) return true;
  const tags = references.filter((reference) => reference.digest === undefined);
  const repositories = new Set(
    references.filter((reference) => reference.digest !== undefined).map(repositoryOf),
  );
  if (tags.length > 1) return false;
  return repositories.size === 1 && repositories.has(repositoryOf(tags[0] ?? references[0]!));
}

function obstacle(
  { catalogue, users, builds }: RemovalContext,
  id: string,
  { soft, references }: { soft: boolean; references: boolean },
): Obstacle | undefined {
  if (catalogue.children(id).length > 0)
    return { hard: true, used: false, message: 'image has dependent child images' };
  const containers = users(id);
  const running = containers.find((container) => container.running);
  if (running)
    return {
      hard: true,
      used: true,
      message: `image is being used by running container ${shortId(running.id)}`,
    };
  if (!soft) return undefined;
  if (references && catalogue.get(id)!.references.length > 0)
    return { hard: false, used: false, message: 'image is referenced in multiple repositories' };
  const [stopped] = containers;
  if (stopped)
    return {
      hard: false,
      used: true,
      message: `image is being used by stopped container ${shortId(stopped.id)}`,
    };
  if (builds.has(id)) return { hard: false, used: true, message: 'image is being used by a build' };
  return undefined;
}

function refusal(id: string, { hard, message }: Obstacle): Error {
  return conflict(
    `conflict: unable to delete ${shortId(id)} (${hard ? 'cannot' : 'must'} be forced) - ${message}`,
  );
}

function deleteImage(
  removal: Removal,
  id: string,
  { force, prune, quiet }: { force: boolean; prune: boolean; quiet: boolean },
): void {
  const { context, lines, images } = removal;
  const { catalogue } = context;
  const found = obstacle(context, id, { soft: !force, references: true });
  if (found) {
    const dangling = catalogue.get(id)!.references.length === 0 && catalogue.children(id).length === 0;
    if (quiet && (!dangling || found.used)) return;
    throw refusal(id, found);
  }
  const image = catalogue.get(id)!;
  const variants = variantsOf(catalogue, image);
  for (const reference of image.references) dropName(removal, id, reference, true);
  catalogue.remove(id, context.users(id).length > 0);
  lines.push({ Deleted: id });
  images.push({ at: lines.length, diffIds: image.config.rootfs.diff_ids });
  imageEvent(context, 'delete', id);
  // The same image for other platforms goes along, unless it has a name or a user of its own.
  for (const variant of variants)
    if (variant.references.length === 0 && catalogue.get(variant.id))
      deleteImage(removal, variant.id, { force: false, prune, quiet: true });
  if (prune && image.parent && catalogue.get(image.parent))
    deleteImage(removal, image.parent, { force: false, prune: true, quiet: true });
}

async function finish({ context, lines, images }: Removal): Promise<Removed[]> {
  const gone = new Set(await context.retention.free(images.flatMap(({ diffIds }) => diffIds)));
  await context.blobs.sweep(context.catalogue);
  const result = [...lines];
  for (const { at, diffIds } of images.toReversed()) {
    const chain = chainIds(diffIds);
    const deleted = diffIds
      .map((diffId, index) => ({ diffId, chain: chain[index]! }))
      .filter(({ diffId }) => gone.delete(diffId))
      .toReversed();
    result.splice(at, 0, ...deleted.map((layer) => ({ Deleted: layer.chain })));
  }
  return result;
}
