import type { Readable } from 'node:stream';

/** A named volume as the API shows it. */
export interface Volume {
  Name: string;
  Driver: string;
  Mountpoint: string;
  CreatedAt: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
  Scope: 'local';
}

/** How a volume is copied. */
export interface CloneOptions {
  /** The new volume's; '': one is made up of the old one's name and the time. */
  name: string;
  labels: Record<string, string>;
  /** Only where data can be shared, never by a copy. */
  always: boolean;
  /** The new volume is labelled as a snapshot of the old one (`dev.berth.volume.snapshot-of`). */
  snapshot: boolean;
  signal?: AbortSignal;
}

/** The volumes of this daemon, by name. */
export interface Volumes {
  /** Creates or returns the volume of that name. Driver `local` only; options type/device/o are mounted when used. */
  create(options: {
    name?: string;
    /** The name is nobody's choice: the caller made it up, to have it recorded first. */
    anonymous?: boolean;
    driver?: string;
    labels?: Record<string, string>;
    options?: Record<string, string>;
  }): Promise<{ volume: Volume; created: boolean }>;
  /** @throws not-found (`get x: no such volume`). */
  get(name: string): Volume;
  /** Filters: dangling, driver, label, name. @throws invalid-parameter for others. */
  list(filters?: Record<string, string[]>): Promise<Volume[]>;
  /** @throws conflict when a container uses it. */
  remove(name: string, options: { force: boolean }): Promise<void>;
  /** Filters: label, label!, all; without `all` only anonymous volumes go. */
  prune(filters: Record<string, string[]>): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }>;
  /** Bytes of its files. @throws not-found, also when it was removed meanwhile; system when they cannot be read */
  size(name: string): Promise<number>;
  /** The volume's files as a tar; destroying the stream stops the work. @throws not-found */
  export(name: string): Promise<Readable>;
  /**
   * Unpacks a tar into a new volume, or into one that is empty and that no container refers to. Where it fails, or `signal` fires,
   * nothing of it is left.
   * @throws conflict, invalid-parameter for a malformed archive
   */
  import(name: string, tar: Readable, signal?: AbortSignal): Promise<Volume>;
  /**
   * Makes a volume with the files of another; they share their data where the file system can. Where it fails nothing is left.
   * @throws not-found, conflict for a name that is taken, unsupported where `always` can't be had
   */
  clone(name: string, options: CloneOptions): Promise<{ volume: Volume; shared: number; copied: number }>;
  /** Ids of the containers that refer to it. */
  users(name: string): string[];
  setUsers(users: (name: string) => string[]): void;
  /** True when a volume, or its folder `subpath`, is empty: the container's create copies the image's files into it. */
  needsCopyUp(name: string, subpath?: string): Promise<boolean>;
  /**
   * Fills a volume, or its folder `subpath`, that is empty, by `put`: wholly or not at all, as `put` writes into a folder that
   * becomes the volume's. Only where containers other than `owner` refer to the volume does it write into its own.
   */
  fill(
    name: string,
    owner: string,
    subpath: string | undefined,
    put: (place: { source: string; subpath?: string }) => Promise<void>,
  ): Promise<void>;
  /** Makes the volume's files available at its Mountpoint for a running container; once per `owner`. */
  mount(name: string, owner: string): Promise<void>;
  unmount(name: string, owner: string): Promise<void>;
  /** `running`: which containers hold which volumes mounted. Unmounts and removes what is left over. */
  reconcile(running?: Array<{ owner: string; volumes: string[] }>): Promise<void>;
}
