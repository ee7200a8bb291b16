import type { Readable } from 'node:stream';

/** The `config` of an OCI image configuration: what a container inherits. */
export interface ImageRunConfig {
  User?: string;
  Env?: string[];
  Cmd?: string[] | null;
  Entrypoint?: string[] | null;
  ExposedPorts?: Record<string, object>;
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  Healthcheck?: {
    Test?: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    StartInterval?: number;
    Retries?: number;
  };
  OnBuild?: string[] | null;
  Shell?: string[];
  ArgsEscaped?: boolean;
}

/** An OCI image configuration (image-spec, config.md). */
export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  author?: string;
  config?: ImageRunConfig;
  rootfs: { type: 'layers'; diff_ids: string[] };
  history?: Array<{
    created?: string;
    created_by?: string;
    comment?: string;
    author?: string;
    empty_layer?: boolean;
  }>;
}

/** One image that is whole on this machine. */
export interface Image {
  /** sha256:<hex> of the configuration. */
  id: string;
  config: ImageConfig;
  size: number;
  created: string;
  repoTags: string[];
  repoDigests: string[];
  parent: string;
}

/** A line of a progress stream (`{"status":...}`), sent as is. */
export type Progress = Record<string, unknown>;
export type OnProgress = (line: Progress) => void;

export interface RegistryAuth {
  username?: string;
  password?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

export interface Images {
  /** Finds by name, name:tag, name@digest, full or short id. @throws not-found (`No such image: x:latest`). */
  resolve(reference: string, options?: { platform?: string }): Image;
  get(id: string): Image | undefined;
  list(): Image[];
  /** Bytes that only this image uses etc. are computed in the room; see `df`. */
  tag(id: string, repository: string, tag: string): void;
  /** Docker's delete rules; `inUse` is asked about containers. Returns the Untagged/Deleted lines. */
  remove(
    reference: string,
    options: { force: boolean; noprune: boolean },
  ): Promise<Array<{ Untagged?: string; Deleted?: string }>>;
  prune(
    filters: Record<string, string[]>,
  ): Promise<{ ImagesDeleted: Array<{ Untagged?: string; Deleted?: string }>; SpaceReclaimed: number }>;
  pull(options: {
    name: string;
    tag?: string;
    platform?: string;
    auth?: RegistryAuth;
    all?: boolean;
    signal: AbortSignal;
    onProgress: OnProgress;
  }): Promise<void>;
  push(options: {
    name: string;
    tag?: string;
    auth?: RegistryAuth;
    signal: AbortSignal;
    onProgress: OnProgress;
  }): Promise<void>;
  load(
    tar: Readable,
    options: { platform?: string; signal: AbortSignal; onProgress: OnProgress },
  ): Promise<void>;
  save(references: string[], options: { platform?: string; signal: AbortSignal }): Promise<Readable>;
  import(
    tar: Readable,
    options: {
      reference?: string;
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
  create(options: {
    parent?: string;
    config: ImageRunConfig;
    layer?: { diffId: string; size: number };
    history: { created_by?: string; comment?: string; author?: string };
    architecture?: string;
    os?: string;
    variant?: string;
    reference?: string;
  }): Promise<string>;
  history(
    reference: string,
  ): Array<{
    Id: string;
    Created: number;
    CreatedBy: string;
    Tags: string[] | null;
    Size: number;
    Comment: string;
  }>;
  search(
    term: string,
    options: { limit?: number; filters?: Record<string, string[]>; auth?: RegistryAuth },
  ): Promise<unknown[]>;
  distribution(reference: string, auth?: RegistryAuth): Promise<unknown>;
  login(auth: RegistryAuth): Promise<{ Status: string; IdentityToken: string }>;
  analyze(reference: string): Promise<unknown>;
  /** Set by `rooms.ts`: which containers use an image, so that images need not know the containers room. */
  setUsers(users: (imageId: string) => Array<{ id: string; running: boolean }>): void;
  reconcile(): Promise<void>;
}
