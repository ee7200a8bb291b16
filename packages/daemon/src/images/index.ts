import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { invalidParameter, notFound, unavailable } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { Settings } from '../config/settings.ts';
import type { Events } from '../events/api.ts';
import type { Layers } from '../layers/api.ts';
import type { Store } from '../store/api.ts';
import { analyzeImage } from './analysis/index.ts';
import type {
  CacheSource,
  DistributedImage,
  FoundImage,
  HistoryStep,
  Image,
  ImageAnalysis,
  ImageConfig,
  ImageDescriptor,
  ImageInspect,
  ImageSummary,
  Images,
  RegistryAuth,
} from './api.ts';
import { importImage } from './archives/import.ts';
import { loadImages } from './archives/load.ts';
import { archiveImage, saveImages } from './archives/save.ts';
import { AttestationBlobs } from './attestations.ts';
import { registerBuilt } from './built.ts';
import { Catalogue } from './catalogue.ts';
import { digestOf, parseConfig, timestamp } from './config.ts';
import type { ImagesContext } from './context.ts';
import { type ChildOptions, childConfig } from './create.ts';
import { imageEvent } from './events.ts';
import { imageHistory, inspectImage } from './inspect.ts';
import { type ListOptions, listImages } from './list.ts';
import { find, namesById } from './lookup.ts';
import { manifestOf, manifestsIn, targetOf } from './manifests.ts';
import { formatPlatform, hostPlatform, parsePlatform } from './platforms.ts';
import { pruneImages } from './prune.ts';
import {
  credentialsHost,
  familiarName,
  familiarString,
  fullName,
  parseReference,
  parseRepositoryTag,
  repositoryOf,
  withDefaultTag,
  withDigest,
  withTag,
} from './references.ts';
import { KnownBlobs } from './registry/blob-sources.ts';
import type { Registry, RegistryOptions } from './registry/index.ts';
import { removeImage } from './remove.ts';
import { Retention } from './retention.ts';
import { chooseVariant } from './variants.ts';

export type * from './api.ts';
export { sortedMap } from './config.ts';
export { detectedPlatform, hostPlatform, parsePlatform, runnablePlatforms } from './platforms.ts';
export { fullReference, normalizedReference } from './references.ts';

/** The host whose credentials the registry of a name asks for. @throws invalid-parameter for a malformed name. */
export const credentialsHostOf = (name: string): string => credentialsHost(parseReference(name));

/** The dependencies that the room is opened with. */
export interface ImagesParts {
  store: Store;
  layers: Layers;
  events: Events;
  settings: Settings;
  /** The room's folder. */
  root: string;
  /** Times and folders for dealing with registries, where they differ from the usual (tests). */
  registry?: RegistryOptions;
}

/** Opens the images room: which images there are is known at once. */
export function openImages(parts: ImagesParts): Images {
  return new ImageRoom(parts);
}

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
  if (chosen.includes(':')) withDigest(reference, chosen);
  else withTag(reference, chosen);
  return { name, tag: chosen };
}

class ImageRoom implements Images {
  private readonly context: ImagesContext;
  private readonly registryOptions: RegistryOptions | undefined;
  private opened: Promise<Registry> | undefined;
  private users: (imageId: string) => Array<{ id: string; running: boolean }> = () => [];

  constructor({ store, layers, events, settings, root, registry }: ImagesParts) {
    const catalogue = new Catalogue(store);
    const users = (imageId: string) => this.users(imageId);
    const retention = new Retention(layers, catalogue, store, (imageId) => users(imageId).length > 0);
    this.context = {
      root,
      blobs: new AttestationBlobs(root),
      store,
      layers,
      events,
      settings,
      catalogue,
      retention,
      users,
      builds: new Map(),
      register: (id, raw, options) => {
        const { diff_ids } = parseConfig(raw).rootfs;
        let size = 0;
        for (const diffId of diff_ids) {
          const layer = layers.get(diffId);
          if (!layer) throw unavailable(`the layer ${diffId} of the image ${id} is not here`);
          size += layer.size;
        }
        catalogue.add(id, raw, {
          size,
          ...(options.parent !== undefined && catalogue.get(options.parent)
            ? { parent: options.parent }
            : {}),
        });
        for (const name of options.names) catalogue.name(name, id);
      },
    };
    this.registryOptions = registry;
  }

  /** The registry client, loaded when first asked for: it is a third of the daemon's code. */
  private registry(): Promise<Registry> {
    if (this.opened) return this.opened;
    const opened = import('./registry/index.ts').then(({ openRegistry }) =>
      openRegistry(this.context, this.registryOptions),
    );
    this.opened = opened;
    // It makes a folder: what a full disk refused is tried again by whoever asks next.
    opened.catch(() => {
      this.opened = undefined;
    });
    return opened;
  }

  private readonly layerSize = (diffId: string): number => this.context.layers.get(diffId)?.size ?? 0;

  resolve(reference: string, { platform }: { platform?: string } = {}): Image {
    const { catalogue } = this.context;
    const image = find(catalogue, reference);
    // Whoever names an id means that image and no other.
    const exact = namesById(image.id, reference);
    if (platform === undefined || platform === '')
      return exact ? image : (chooseVariant(catalogue, image, hostPlatform) ?? image);
    const wanted = parsePlatform(platform);
    const fitting = chooseVariant(catalogue, image, wanted);
    if (fitting) return fitting;
    throw notFound(
      `image with reference ${reference} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(image.config)}`,
    );
  }

  get(id: string): Image | undefined {
    return this.context.catalogue.get(id);
  }

  list(): Image[] {
    return this.context.catalogue.list();
  }

  summaries(options: ListOptions): ImageSummary[] {
    return listImages(this.context, options);
  }

  inspect(reference: string, options: { platform?: string; manifests?: boolean } = {}): ImageInspect {
    const { catalogue } = this.context;
    const named = find(catalogue, reference);
    const image = catalogue.get(this.resolve(reference, options).id)!;
    const descriptor = options.platform ? manifestOf(this.context, image) : targetOf(this.context, named);
    return {
      ...inspectImage(image, named, this.context.layers.paths(image.config.rootfs.diff_ids)),
      ...(descriptor && { Descriptor: descriptor }),
      ...(options.manifests && { Manifests: manifestsIn(this.context, named) }),
    };
  }

  manifest(id: string): ImageDescriptor | undefined {
    const image = this.context.catalogue.get(id);
    return image && manifestOf(this.context, image);
  }

  usage(): { layersSize: number; images: ImageSummary[] } {
    const counted = new Set<string>();
    for (const { config } of this.context.catalogue.list())
      for (const diffId of config.rootfs.diff_ids) counted.add(diffId);
    let layersSize = 0;
    for (const diffId of counted) layersSize += this.layerSize(diffId);
    return { layersSize, images: this.summaries({ sharedSize: true }) };
  }

  async tag(id: string, repository: string, tag?: string): Promise<void> {
    const { catalogue, store } = this.context;
    const reference = parseRepositoryTag(repository, tag);
    if (!reference) throw invalidParameter('invalid reference format');
    const image = find(catalogue, id);
    await this.context.layers.durable(image.config.rootfs.diff_ids);
    catalogue.name(reference, image.id);
    catalogue.touch(image.id, timestamp());
    await store.flush();
    imageEvent(this.context, 'tag', image.id, familiarString(reference));
  }

  remove(reference: string, options: Parameters<Images['remove']>[1]) {
    return removeImage(this.context, reference, options);
  }

  prune(filters: Record<string, string[]>) {
    return pruneImages(this.context, filters);
  }

  async pull(options: Parameters<Images['pull']>[0]): Promise<void> {
    return (await this.registry()).pull(options);
  }

  async push(options: Parameters<Images['push']>[0]): Promise<void> {
    return (await this.registry()).push(options);
  }

  load(tar: Readable, options: Parameters<Images['load']>[1]): Promise<void> {
    return loadImages(this.context, tar, options);
  }

  save(references: string[], options: Parameters<Images['save']>[1]): Promise<Readable> {
    return saveImages(this.context, references, options);
  }

  archive(options: Parameters<Images['archive']>[0]): ReturnType<Images['archive']> {
    return archiveImage(this.context, options);
  }

  import(tar: Readable | URL, options: Parameters<Images['import']>[1]): Promise<string> {
    return importImage(this.context, tar, options);
  }

  async settle(id: string): Promise<void> {
    const image = this.context.catalogue.get(id);
    if (image) await this.context.layers.durable(image.config.rootfs.diff_ids);
    await this.context.store.flush();
  }

  async create(options: ChildOptions & { reference?: string; step?: (id: string) => void }): Promise<string> {
    // A layer that no image lists afterwards goes again: an empty one, or that of an image that could not be made.
    const release = options.layer && this.hold([options.layer.diffId]);
    try {
      return await this.createChild(options);
    } finally {
      await release?.();
    }
  }

  private async createChild(
    options: ChildOptions & { reference?: string; step?: (id: string) => void },
  ): Promise<string> {
    const { catalogue, store } = this.context;
    const reference = parseRepositoryTag(options.reference);
    const parent = options.parent === undefined ? undefined : catalogue.get(options.parent);
    if (options.parent !== undefined && !parent) throw notFound(`No such image: ${options.parent}`);
    const raw = childConfig(parent, options);
    const id = digestOf(raw);
    if (!options.step) await this.context.layers.durable(parseConfig(raw).rootfs.diff_ids);
    this.context.register(id, raw, {
      names: reference ? [reference] : [],
      ...(parent ? { parent: parent.id } : {}),
    });
    options.step?.(id);
    if (reference) catalogue.touch(id, timestamp());
    if (!options.step) await store.flush();
    imageEvent(this.context, 'create', id);
    if (reference) imageEvent(this.context, 'tag', id, familiarString(reference));
    return id;
  }

  building(id: string): () => void {
    const { builds } = this.context;
    builds.set(id, (builds.get(id) ?? 0) + 1);
    return () => {
      const others = builds.get(id)! - 1;
      if (others > 0) builds.set(id, others);
      else builds.delete(id);
    };
  }

  async adopt(id: string, parent: string): Promise<void> {
    const { catalogue, store } = this.context;
    const image = catalogue.get(id);
    if (!image || image.parent === parent) return;
    catalogue.add(id, image.raw, { parent, size: image.size });
    await store.flush();
  }

  async register(config: ImageConfig): Promise<string> {
    const raw = JSON.stringify(config);
    const id = digestOf(raw);
    await this.context.layers.durable(config.rootfs.diff_ids);
    this.context.register(id, raw, { names: [] });
    await this.context.store.flush();
    imageEvent(this.context, 'create', id);
    return id;
  }

  registerIndex(options: Parameters<Images['registerIndex']>[0]): ReturnType<Images['registerIndex']> {
    return registerBuilt(this.context, options);
  }

  familiar(reference: string): string {
    return familiarString(withDefaultTag(parseReference(reference)));
  }

  async base(options: Parameters<Images['base']>[0]): ReturnType<Images['base']> {
    const reference = withDefaultTag(parseReference(options.reference));
    const auth = await options.auth(credentialsHost(reference));
    let config: ImageConfig | undefined;
    let digest = '';
    let release: (() => Promise<void>) | undefined;
    const registry = await this.registry();
    await registry.pull({
      ...parsePullName(fullName(reference)),
      ...(options.platform ? { platform: options.platform } : {}),
      ...(auth ? { auth } : {}),
      signal: options.signal,
      onProgress: options.onProgress,
      ...(options.configOnly && { configOnly: true }),
      onBase: (found, from) => {
        config = found;
        digest = from;
        release = this.hold(options.configOnly ? [] : found.rootfs.diff_ids);
      },
    });
    return { config: config!, name: familiarString(reference), digest, release: release! };
  }

  async readCache(options: Parameters<Images['readCache']>[0]): Promise<CacheSource> {
    return (await this.registry()).readCache(options);
  }

  async writeCache(options: Parameters<Images['writeCache']>[0]): Promise<ImageDescriptor> {
    return (await this.registry()).writeCache(options);
  }

  history(reference: string, options: { platform?: string } = {}): HistoryStep[] {
    const { catalogue } = this.context;
    const { id } = this.resolve(reference, options);
    return imageHistory(catalogue, catalogue.get(id)!, this.layerSize);
  }

  async search(term: string, options: Parameters<Images['search']>[1]): Promise<FoundImage[]> {
    return (await this.registry()).search(term, options);
  }

  async distribution(reference: string, auth?: RegistryAuth): Promise<DistributedImage> {
    return (await this.registry()).distribution(reference, auth);
  }

  async login(auth: RegistryAuth): Promise<{ Status: string; IdentityToken: string }> {
    return (await this.registry()).login(auth);
  }

  async analyze(reference: string, options: Parameters<Images['analyze']>[1] = {}): Promise<ImageAnalysis> {
    const { catalogue, layers } = this.context;
    const { id, config } = this.resolve(reference, options);
    const release = this.hold(config.rootfs.diff_ids);
    try {
      return await analyzeImage(layers, catalogue.get(id)!, reference, options);
    } finally {
      await release();
    }
  }

  hold(diffIds: Iterable<string>): () => Promise<void> {
    return this.context.retention.hold(diffIds);
  }

  async collect(id: string): Promise<void> {
    const { retention, catalogue } = this.context;
    if (catalogue.isOrphan(id)) await retention.free(retention.dropOrphans());
  }

  setUsers(users: (imageId: string) => Array<{ id: string; running: boolean }>): void {
    this.users = users;
  }

  async reconcile(): Promise<void> {
    const { catalogue, retention, layers, store, root } = this.context;
    const damaged = store.damaged('images').size > 0 || store.damaged('containers').size > 0;
    if (!damaged) retention.dropOrphans();
    for (const { id, config, repoTags, references } of catalogue.list()) {
      const missing = config.rootfs.diff_ids.filter((diffId) => !layers.has(diffId));
      // A step of a build that was not answered when the power was cut.
      if (missing.length > 0 && references.length === 0 && this.users(id).length === 0) {
        catalogue.remove(id, false);
        continue;
      }
      if (missing.length > 0)
        log.warn({ image: id, tags: repoTags, layers: missing }, 'an image lacks layers: pull it again');
    }
    new KnownBlobs(store).sweep((diffId) => layers.has(diffId));
    await this.context.blobs.sweep(catalogue);
    // It clears what interrupted downloads left, where there is any.
    const partial = await readdir(join(root, 'partial')).catch(() => []);
    if (partial.length > 0) await this.registry();
    // On a full disk the daemon is what makes room again.
    await store.flush().catch((error) => log.warn({ err: error }, 'what was cleared could not be recorded'));
    // Which layers an image has is in its record: nobody knows that of a damaged one.
    if (damaged) return;
    await retention.collect(layers.list().map((layer) => layer.diffId));
  }
}
