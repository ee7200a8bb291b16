import type { Readable } from 'node:stream';
import type {
  BuiltImage,
  CacheSource,
  CreateOptions,
  DistributedImage,
  FoundImage,
  HistoryStep,
  Image,
  ImageAnalysis,
  ImageConfig,
  ImageDescriptor,
  ImageInspect,
  ImageSummary,
  OnProgress,
  RegistryAuth,
} from './types.ts';

export type * from './types.ts';

/** The room of images: which there are, and what is made of them and from where. */
export interface Images {
  /** Finds by name, name:tag, name@digest, full or short id. @throws not-found (`No such image: x:latest`). */
  resolve(reference: string, options?: { platform?: string }): Image;
  /** By full id. */
  get(id: string): Image | undefined;
  /** Every image, in no order. */
  list(): Image[];
  /** The list of `GET /images/json`. @throws invalid-parameter for filters; not-found for the image a filter names. */
  summaries(options: {
    all?: boolean;
    filters?: Record<string, string[]>;
    sharedSize?: boolean;
    manifests?: boolean;
  }): ImageSummary[];
  /** @throws not-found. */
  inspect(reference: string, options?: { platform?: string; manifests?: boolean }): ImageInspect;
  /** The manifest of one platform's image, by id; undefined when the image is gone or lacks a layer. */
  manifest(id: string): ImageDescriptor | undefined;
  /** Bytes of all layers that images have, each counted once, and the images with SharedSize and Containers. */
  usage(): { layersSize: number; images: ImageSummary[] };
  /** Names an image, given by id or any name (`repository` may carry the tag). Durable when it resolves. */
  tag(id: string, repository: string, tag?: string): Promise<void>;
  /**
   * Docker's delete rules; `inUse` is asked about containers. Returns the Untagged/Deleted lines. With `platforms`, only
   * what the image has for these goes.
   */
  remove(
    reference: string,
    options: { force: boolean; noprune: boolean; platforms?: string[] },
  ): Promise<Array<{ Untagged?: string; Deleted?: string }>>;
  /**
   * Removes images without names (`dangling=false`: all that no container uses).
   * @throws conflict while another prune runs, invalid-parameter
   */
  prune(filters: Record<string, string[]>): Promise<{
    ImagesDeleted: Array<{ Untagged?: string; Deleted?: string }> | null;
    SpaceReclaimed: number;
  }>;
  /**
   * Fetches an image (`all`: every tag of the repository).
   * @throws as the registry says, in dockerd's words; invalid-parameter
   */
  pull(options: {
    name: string;
    tag?: string;
    platform?: string;
    auth?: RegistryAuth;
    all?: boolean;
    signal: AbortSignal;
    onProgress: OnProgress;
  }): Promise<void>;
  /** Sends an image (without `tag`: every tag of the repository). @throws not-found, and as the registry says */
  push(options: {
    name: string;
    tag?: string;
    platform?: string;
    auth?: RegistryAuth;
    signal: AbortSignal;
    onProgress: OnProgress;
  }): Promise<void>;
  /**
   * Takes the images of an archive of `docker save` or an OCI layout, compressed or not.
   * @throws invalid-parameter, system in the words of Go's tar reader
   */
  load(
    tar: Readable,
    options: { platforms?: string[]; signal: AbortSignal; onProgress: OnProgress },
  ): Promise<void>;
  /** An archive of images, for `load`. @throws not-found before anything is sent */
  save(references: string[], options: { platforms?: string[]; signal: AbortSignal }): Promise<Readable>;
  /**
   * Packs images that a build made into an archive, without registering them: an OCI layout, or one that `docker load`
   * reads as well.
   * `index`: as an index, even of one image without attestations.
   * @throws invalid-parameter for a name; unavailable when a layer is not here.
   */
  archive(options: {
    images: BuiltImage[];
    index: boolean;
    /** The index's annotations. */
    annotations?: Record<string, string>;
    names: string[];
    format: 'oci' | 'docker';
    signal: AbortSignal;
  }): {
    id: string;
    descriptor: ImageDescriptor;
    tar: Readable;
  };
  /** Makes an image of one layer from a root file system's tar, given or fetched from an http(s) URL; returns its id. */
  import(
    tar: Readable | URL,
    options: {
      reference?: string;
      /** The reference's tag, where it is given apart. */
      tag?: string;
      message?: string;
      changes?: string[];
      platform?: string;
      signal: AbortSignal;
      onProgress: OnProgress;
    },
  ): Promise<string>;
  /**
   * Registers an image made here (commit, build). An empty layer (diffId of the empty tar) is recorded as `empty_layer`
   * in the history and not in `diff_ids`, as dockerd does.
   */
  create(options: CreateOptions): Promise<string>;
  /** A build stands on this image until the returned function is called: only force removes it. */
  building(id: string): () => void;
  /** Resolves when an image is safe from a power cut, layers and record. @throws system */
  settle(id: string): Promise<void>;
  /** Records that an image continues another one: that is its parent from now on. */
  adopt(id: string, parent: string): Promise<void>;
  /**
   * Registers a whole configuration whose layers are here and held; returns its id, which `made` is told before any other
   * request can find it. @throws unavailable when a layer is not here.
   */
  register(config: ImageConfig, made?: (id: string) => void): Promise<string>;
  /**
   * Registers what a build made for several platforms, with attestations or annotations, as one image; returns the id of the
   * part that is to have the names. `names`: what it will be called, for the statements; `index`: as an index, even of one;
   * `made`: as of `register`.
   */
  registerIndex(options: {
    images: BuiltImage[];
    index: boolean;
    names: string[];
    annotations?: Record<string, string>;
    made?: (id: string) => void;
  }): Promise<{ id: string; descriptor: ImageDescriptor }>;
  /** A name as users know it, with its tag: `debian:latest`. @throws invalid-parameter. */
  familiar(reference: string): string;
  /**
   * Fetches the image that a build begins with (who wants the local one asks `resolve` first). Its layers stay until
   * `release` is called. `auth` is asked for the credentials of the registry's host.
   */
  base(options: {
    reference: string;
    platform?: string;
    auth: (host: string) => Promise<RegistryAuth | undefined>;
    signal: AbortSignal;
    onProgress: OnProgress;
    /** Only the configuration is fetched, and no layer. */
    configOnly?: boolean;
  }): Promise<{ config: ImageConfig; name: string; digest: string; release: () => Promise<void> }>;
  /** Asks a registry for the steps of earlier builds. @throws not-found and others as the registry says. */
  readCache(options: {
    reference: string;
    platform?: string;
    auth: (host: string) => Promise<RegistryAuth | undefined>;
    signal: AbortSignal;
  }): Promise<CacheSource>;
  /**
   * Writes steps to a registry: their layers (here and held), and the configuration that `config` makes of these layers'
   * descriptors. `index`: as an index, as BuildKit did first, not as an image's manifest.
   */
  writeCache(options: {
    reference: string;
    diffIds: string[];
    config: (layers: ImageDescriptor[]) => object;
    index: boolean;
    auth: (host: string) => Promise<RegistryAuth | undefined>;
    signal: AbortSignal;
    onProgress: OnProgress;
  }): Promise<ImageDescriptor>;
  /** The steps that an image was made by, newest first. @throws not-found */
  history(reference: string, options?: { platform?: string }): HistoryStep[];
  /** Asks a registry's search. @throws as the registry says, invalid-parameter */
  search(
    term: string,
    options: {
      limit?: number;
      filters?: Record<string, string[]>;
      auth?: RegistryAuth;
    },
  ): Promise<FoundImage[]>;
  /** The descriptor and platforms of a name in its registry. @throws as the registry says */
  distribution(reference: string, auth?: RegistryAuth): Promise<DistributedImage>;
  /** Tries credentials at a registry. @throws unauthorized or system, in dockerd's words, when it refuses them */
  login(auth: RegistryAuth): Promise<{ Status: string; IdentityToken: string }>;
  /** The analysis of an image's layers; `top` bounds the lists (20). */
  analyze(
    reference: string,
    options?: { platform?: string; top?: number; signal?: AbortSignal },
  ): Promise<ImageAnalysis>;
  /**
   * Keeps layers that are to become part of an image (build, commit) from being removed until the returned function is
   * called: take the lease before `layers.add` is asked for them, and end it after `create`.
   */
  lease(diffIds: Iterable<string>): () => Promise<void>;
  /**
   * Removes what an image that was deleted left for containers that stood on it; called when one of them has gone.
   * @throws system: it could not be recorded; then it is done as soon as it can be
   */
  collect(id: string): Promise<void>;
  /** Set by `rooms.ts`: which containers use an image, so that images need not know the containers room. */
  setUsers(users: (imageId: string) => Array<{ id: string; running: boolean }>): void;
  /** At the start: removes layers and partial downloads that no image refers to. */
  reconcile(): Promise<void>;
}
