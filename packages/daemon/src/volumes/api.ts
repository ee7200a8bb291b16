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
  /** Ids of the containers that refer to it. */
  users(name: string): string[];
  setUsers(users: (name: string) => string[]): void;
  /** True when a volume, or its folder `subpath`, is empty: the container's create copies the image's files into it. */
  needsCopyUp(name: string, subpath?: string): Promise<boolean>;
  /** Makes the volume's files available at its Mountpoint for a running container; once per `owner`. */
  mount(name: string, owner: string): Promise<void>;
  unmount(name: string, owner: string): Promise<void>;
  /** `running`: which containers hold which volumes mounted. Unmounts and removes what is left over. */
  reconcile(running?: Array<{ owner: string; volumes: string[] }>): Promise<void>;
}
