import type { CgroupStats, CgroupView, WayBack } from '../api.ts';
import type { OciResources } from '../oci/config.ts';
import type { CgroupWrite } from './limits.ts';

/** A container's folder in one hierarchy, as a launch names it; v2 has one, without a name. */
export interface CgroupFolder {
  name: string;
  path: string;
}

/** The cgroups of containers, whatever version the host has. `path` is that of the cgroup below the hierarchies' roots. */
export interface Cgroups {
  readonly version: 1 | 2;
  /** Folders that a start makes and joins. */
  folders(path: string): CgroupFolder[];
  /** Limits as file writes; each `controller` is the name of the folder it goes to. */
  writes(resources: OciResources): CgroupWrite[];
  /** True when there is a folder of that path. */
  exists(path: string): boolean;
  /** Writes all of these limits, or none. */
  update(path: string, resources: OciResources): Promise<WayBack>;
  freeze(path: string, frozen: boolean): Promise<void>;
  /** Kills all that is in it, frozen or not; does not wait for their end. */
  kill(path: string): Promise<void>;
  /** Whether it is frozen, or about to be. */
  frozen(path: string): Promise<boolean>;
  stats(path: string): Promise<CgroupStats>;
  view(path: string): Promise<CgroupView>;
  processes(path: string): Promise<number[]>;
  remove(path: string): Promise<void>;
  /** Paths of the cgroups right below `parent`. */
  children(parent: string): Promise<string[]>;
  /** Finds the path whose last folder is `name`, anywhere below the root. */
  find(name: string): Promise<string | undefined>;
}
