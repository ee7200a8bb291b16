/** The two kinds that are kept: a secret's bytes are never given back, a config's are. */
export type Kind = 'secret' | 'config';

/** A secret or config as the API shows it, in the words of Docker's swarm. */
export interface Kept {
  ID: string;
  Version: { Index: number };
  CreatedAt: string;
  UpdatedAt: string;
  Spec: {
    Name: string;
    Labels: Record<string, string>;
    /** Base64; configs only. */
    Data?: string;
  };
}

/** The path of a secret or config in a container, and the owner of the file. */
export interface FileReference {
  /** The path in the container; a relative one is in /run/secrets, of a config in the root. */
  Name: string;
  UID: string;
  GID: string;
  Mode: number;
}

/** An entry of HostConfig.Secrets, in the words of Docker's SecretReference. */
export interface SecretReference {
  File: FileReference;
  SecretID: string;
  SecretName: string;
}

/** An entry of HostConfig.Configs. */
export interface ConfigReference {
  File: FileReference;
  ConfigID: string;
  ConfigName: string;
}

/** Ids inside of a user namespace and on the host. */
export interface IdRange {
  containerID: number;
  hostID: number;
  size: number;
}

/** A file or directory on the host's tmpfs that is to be mounted, read-only. */
export interface PlacedMount {
  source: string;
  destination: string;
}

/** Secrets and configs, and their files for containers. */
export interface Secrets {
  /** @throws invalid-parameter naming the field, conflict for a name that is taken */
  create(
    kind: Kind,
    spec: { Name?: string; Labels?: Record<string, string>; Data?: string },
  ): Promise<{ ID: string }>;
  /** By id, its beginning, or name. @throws not-found */
  get(kind: Kind, reference: string): Kept;
  /** Filters: id, label, name, names. @throws invalid-parameter for others */
  list(kind: Kind, filters: Record<string, string[]>): Promise<Kept[]>;
  /** Changes the labels. @throws invalid-parameter for another change or an old version, not-found */
  update(
    kind: Kind,
    reference: string,
    version: number,
    spec: { Name?: string; Labels?: Record<string, string>; Data?: string },
  ): Promise<void>;
  /** @throws not-found, conflict while a container refers to it */
  remove(kind: Kind, reference: string): Promise<void>;
  /** Names of the containers that refer to an id. */
  setUsers(users: (kind: Kind, id: string) => string[]): void;
  /**
   * The secrets and configs that a create asks for (HostConfig.Secrets and Configs, and the annotations `dev.berth.secrets` and `dev.berth.configs`), with ids,
   * names and defaults.
   * @throws invalid-parameter naming the field
   */
  references(host: { Secrets?: unknown; Configs?: unknown; Annotations?: Record<string, string> }): {
    Secrets?: SecretReference[];
    Configs?: ConfigReference[];
  };
  /**
   * Writes what a container refers to into files of a tmpfs, which are there until `release`.
   * @param taken destinations of its other mounts
   * @param maps of its user namespace; [] where it has none
   * @throws not-found, system when one can't be decrypted or written
   */
  place(
    owner: string,
    references: { Secrets?: SecretReference[]; Configs?: ConfigReference[] },
    taken: readonly string[],
    maps: { uids: readonly IdRange[]; gids: readonly IdRange[] },
  ): Promise<PlacedMount[]>;
  /** Removes a container's files. Succeeds when there are none. */
  release(owner: string): Promise<void>;
  /** Removes the files of containers that do not run (start-up). */
  reconcile(running: ReadonlySet<string>): Promise<void>;
}
