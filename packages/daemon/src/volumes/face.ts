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
    driver?: string;
    labels?: Record<string, string>;
    options?: Record<string, string>;
  }): Promise<{ volume: Volume; created: boolean }>;
  /** @throws not-found (`get x: no such volume`). */
  get(name: string): Volume;
  list(): Volume[];
  /** @throws conflict when a container uses it. */
  remove(name: string, options: { force: boolean }): Promise<void>;
  prune(filters: Record<string, string[]>): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }>;
  size(name: string): Promise<number>;
  setUsers(users: (name: string) => string[]): void;
  /** True once when a volume is new and empty: the container's first start copies the image's files into it. */
  needsCopyUp(name: string): Promise<boolean>;
  reconcile(): Promise<void>;
}
