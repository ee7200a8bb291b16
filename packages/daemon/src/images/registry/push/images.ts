import { invalidParameter, notFound } from '../../../base/errors.ts';
import type { Images } from '../../api.ts';
import type { Entry } from '../../catalogue.ts';
import { digestOf } from '../../config.ts';
import { referenceEvent } from '../../events.ts';
import { formatPlatform, matchesPlatform, type Platform, parsePlatform } from '../../platforms.ts';
import { layerLine, shortId } from '../../progress.ts';
import {
  familiarName,
  familiarString,
  fullName,
  parseReference,
  type Reference,
  repositoryOf,
  withDigest,
  withTag,
} from '../../references.ts';
import { variantsOf } from '../../variants.ts';
import { pushError } from '../errors.ts';
import { Repository } from '../repository.ts';
import type { RegistryServices } from '../services.ts';
import { withRegistry } from '../session.ts';
import type { Target } from '../uploads.ts';
import { pushBuilt, pushKept } from './manifest.ts';
import { pushIndex } from './whole.ts';

type Options = Parameters<Images['push']>[0];

/**
 * Pushes an image under one name, or all tags of a repository, as `POST /images/{name}/push` does. An image that was
 * pulled keeps its manifest byte for byte wherever its layers can be had in the form the manifest names.
 * @throws not-found and others with dockerd's texts.
 */
export async function pushImages(services: RegistryServices, options: Options): Promise<void> {
  const { context, client } = services;
  const { auth, signal, onProgress } = options;
  const wanted = options.platform ? parsePlatform(options.platform) : undefined;
  const parsed = parseReference(options.name);
  const reference = options.tag ? withTag(parsed, options.tag) : parsed;
  if (reference.digest !== undefined) throw invalidParameter('cannot push a digest reference');
  onProgress({ status: `The push refers to repository [${repositoryOf(reference)}]` });
  const references = pushedReferences(services, reference);
  await withRegistry(client, reference.domain, { purpose: 'push', auth, signal }, async (session) => {
    const repository = new Repository(session, reference.path, 'pull,push');
    const target: Target = { repository, domain: reference.domain, signal, onProgress };
    for (const each of references) {
      const entry = context.catalogue.get(context.catalogue.idOf(fullName(each)) ?? '');
      if (!entry) throw notFound(`tag does not exist: ${familiarString(each)}`);
      const part = wanted ? forPlatform(services, each, entry, wanted) : entry;
      await pushOne(services, target, each, part, wanted !== undefined);
    }
  }).catch((error: unknown) => {
    throw pushError(error);
  });
  referenceEvent(context, 'push', reference);
}

/** The part of an image for a platform. @throws not-found with dockerd's text when there is none. */
function forPlatform(
  { context }: RegistryServices,
  reference: Reference,
  entry: Entry,
  wanted: Platform,
): Entry {
  const fitting = [entry, ...variantsOf(context.catalogue, entry)].find(({ config }) =>
    matchesPlatform(wanted, config),
  );
  if (fitting) return fitting;
  throw notFound(
    `image with reference ${familiarString(reference)} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(entry.config)}`,
  );
}

function pushedReferences({ context }: RegistryServices, reference: Reference): Reference[] {
  const { catalogue } = context;
  const repository = repositoryOf(reference);
  const all = catalogue
    .list()
    .flatMap(({ references }) => references.filter((other) => repositoryOf(other) === repository));
  if (all.length === 0)
    throw notFound(`An image does not exist locally with the tag: ${familiarName(reference)}`);
  if (reference.tag !== undefined) {
    if (catalogue.idOf(fullName(reference)) === undefined)
      throw notFound(`tag does not exist: ${familiarString(reference)}`);
    return [reference];
  }
  const tags = all.filter(({ tag }) => tag !== undefined).sort((a, b) => (a.tag! < b.tag! ? -1 : 1));
  if (tags.length === 0) throw notFound(`no tags to push for ${familiarName(reference)}`);
  return tags;
}

async function pushOne(
  services: RegistryServices,
  target: Target,
  reference: Reference,
  entry: Entry,
  alone: boolean,
): Promise<void> {
  const { context } = services;
  const { repository, signal, onProgress } = target;
  const diffIds = entry.config.rootfs.diff_ids;
  const release = context.retention.lease(diffIds);
  try {
    for (const diffId of diffIds.toReversed()) onProgress(layerLine('Preparing', shortId(diffId)));
    const whole = alone ? undefined : await pushIndex(services, target, reference, entry);
    const { mediaType, body } =
      whole ??
      (await pushKept(services, target, reference, entry)) ??
      (await pushBuilt(services, target, entry));
    const digest = digestOf(body);
    await repository.putManifest(reference.tag!, mediaType, body, signal);
    if (context.catalogue.get(entry.id)) {
      context.catalogue.addManifest(digest, { mediaType, body: body.toString(), image: entry.id });
      // Another platform's part of the image has no names of its own.
      if (context.catalogue.idOf(fullName(reference)) === entry.id)
        context.catalogue.name(withDigest(reference, digest), entry.id);
      await context.store.flush();
    }
    onProgress({ status: `${reference.tag}: digest: ${digest} size: ${body.length}` });
    onProgress({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: body.length } });
  } finally {
    await release();
  }
}
