import type { Readable } from 'node:stream';
import { invalidParameter, notFound } from '../base/errors.ts';
import { Turns } from '../base/turns.ts';
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
import { pullBase } from './base.ts';
import { registerBuilt } from './built.ts';
import { Catalogue } from './catalogue.ts';
import { timestamp } from './config.ts';
import type { ImagesContext, ImagesOptions } from './context.ts';
import { adoptImage, createImage, registerConfig, registerImage } from './create.ts';
import { imageEvent } from './events.ts';
import { find, namesById } from './lookup.ts';
import { manifestOf, manifestsIn, targetOf } from './manifests.ts';
import { formatPlatform, hostPlatform, parsePlatform } from './platforms.ts';
import { pruneImages } from './prune.ts';
import { imageHistory, inspectImage } from './query/inspect.ts';
import { type ListOptions, listImages } from './query/list.ts';
import { reconcileImages } from './reconcile.ts';
import { familiarString, parseReference, parseRepositoryTag, withDefaultTag } from './references.ts';
import type { Registry } from './registry/index.ts';
import type { RegistryOptions } from './registry/options.ts';
import { removeImage } from './remove.ts';
import { Retention } from './retention.ts';
import { chooseVariant } from './variants.ts';

export type * from './api.ts';
export type { ImagesOptions } from './context.ts';
export { credentialsHostOf, parsePullName, splitReference } from './names.ts';
export { detectedPlatform, hostPlatform, parsePlatform, runnablePlatforms } from './platforms.ts';
export { fullReference, normalizedReference } from './references.ts';

/** Opens the images room: which images there are is known at once. */
export function openImages(options: ImagesOptions): Images {
  return new ImageRoom(options);
}

class ImageRoom implements Images {
  private readonly context: ImagesContext;
  private readonly registryOptions: RegistryOptions | undefined;
  private opened: Promise<Registry> | undefined;
  /** One at a time: each may take much memory. */
  private readonly analyses = new Turns();
  private users: (imageId: string) => Array<{ id: string; running: boolean }> = () => [];

  constructor({ store, layers, events, settings, root, registry }: ImagesOptions) {
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
      register: (id, raw, options) => registerImage(layers, catalogue, id, raw, options),
      recorded: async (changes) => store.flushOr(catalogue.changed(changes)),
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
    // Opening makes a folder, which a full disk refuses: the next caller tries again.
    opened.catch(() => {
      this.opened = undefined;
    });
    return opened;
  }

  private readonly layerSize = (diffId: string): number => this.context.layers.get(diffId)?.size ?? 0;

  resolve(reference: string, { platform }: { platform?: string } = {}): Image {
    const { catalogue } = this.context;
    const image = find(catalogue, reference);
    // An id means that image and no other.
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
    const { catalogue } = this.context;
    const reference = parseRepositoryTag(repository, tag);
    if (!reference) throw invalidParameter('invalid reference format');
    const image = find(catalogue, id);
    await this.context.layers.durable(image.config.rootfs.diff_ids);
    await this.context.recorded(() => {
      catalogue.name(reference, image.id);
      catalogue.touch(image.id, timestamp());
    });
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

  create(options: Parameters<Images['create']>[0]): Promise<string> {
    return createImage(this.context, options);
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

  adopt(id: string, parent: string): Promise<void> {
    return adoptImage(this.context, id, parent);
  }

  register(config: ImageConfig, made?: (id: string) => void): Promise<string> {
    return registerConfig(this.context, config, made);
  }

  registerIndex(options: Parameters<Images['registerIndex']>[0]): ReturnType<Images['registerIndex']> {
    return registerBuilt(this.context, options);
  }

  familiar(reference: string): string {
    return familiarString(withDefaultTag(parseReference(reference)));
  }

  async base(options: Parameters<Images['base']>[0]): ReturnType<Images['base']> {
    return pullBase(this.context, await this.registry(), options);
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
    const release = this.lease(config.rootfs.diff_ids);
    try {
      return await this.analyses.take('', () => analyzeImage(layers, catalogue.get(id)!, reference, options));
    } finally {
      await release();
    }
  }

  lease(diffIds: Iterable<string>): () => Promise<void> {
    return this.context.retention.lease(diffIds);
  }

  async collect(id: string): Promise<void> {
    const { retention, catalogue } = this.context;
    if (catalogue.isOrphan(id)) await retention.free(retention.dropOrphans());
  }

  setUsers(users: (imageId: string) => Array<{ id: string; running: boolean }>): void {
    this.users = users;
  }

  reconcile(): Promise<void> {
    return reconcileImages(this.context, async () => void (await this.registry()));
  }
}
