import { join, resolve } from 'node:path';
import { notFound } from '../../base/errors.ts';
import type { Cgroups } from './types.ts';

/** The parent of containers that name none, below each hierarchy's root; monitoring tools look for Docker's there. */
const DEFAULT_PARENT = '/docker';

/** The cgroups of containers: paths below the hierarchies' roots. */
export class CgroupPlaces {
  readonly #cgroups: Cgroups;
  readonly #defaultParent: string;
  /** Paths by the ids of containers that this daemon has started or met. */
  readonly #known = new Map<string, string>();

  /** `parent`: the daemon's setting; '' for none. */
  constructor(cgroups: Cgroups, parent: string) {
    this.#cgroups = cgroups;
    this.#defaultParent = parent || DEFAULT_PARENT;
  }

  /** The parent of containers that name none. */
  get parent(): string {
    return parentPath(this.#defaultParent);
  }

  /** The cgroup of a new container. The parent is resolved below the root, whatever dots are in it. */
  pathFor(id: string, parent: string | undefined): string {
    return join(parentPath(parent || this.#defaultParent), id);
  }

  /** Notes where a container's is. */
  note(id: string, path: string): void {
    this.#known.set(id, path);
  }

  /** Forgets where a container's was. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  /** The cgroup of a container, also of one that an earlier daemon started; undefined when there is none. */
  async find(id: string): Promise<string | undefined> {
    const known = this.#known.get(id) ?? this.pathFor(id, undefined);
    if (this.#cgroups.exists(known)) return known;
    return this.#cgroups.find(id);
  }

  /** As noted, whether it is there or not; else as `find`. */
  async noted(id: string): Promise<string | undefined> {
    return this.#known.get(id) ?? (await this.find(id));
  }

  /** @throws not-found when there is none */
  async existing(id: string): Promise<string> {
    const path = await this.find(id);
    if (!path) throw notFound(`no cgroup of container ${id}`);
    this.#known.set(id, path);
    return path;
  }
}

/** A parent as a path from the root: a slice of systemd's (`a-b.slice`) lies in those that its name begins with. */
export function parentPath(parent: string): string {
  return resolve('/', slicePath(parent));
}

function slicePath(parent: string): string {
  if (parent === '-.slice') return '/';
  if (parent.includes('/') || !parent.endsWith('.slice')) return parent;
  const parts = parent.slice(0, -'.slice'.length).split('-');
  return parts.map((_, index) => `${parts.slice(0, index + 1).join('-')}.slice`).join('/');
}
