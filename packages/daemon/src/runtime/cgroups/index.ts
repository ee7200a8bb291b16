import { findHierarchies, type Hierarchies } from './hierarchies.ts';
import type { CgroupFolder, Cgroups } from './types.ts';
import { CgroupsV1 } from './v1.ts';
import { CgroupsV2 } from './v2.ts';

export { type CgroupFolder, type Cgroups, findHierarchies, type Hierarchies };

/** The cgroups of this host, of whichever version it has. */
export function openCgroups(hierarchies: Hierarchies): Cgroups {
  return hierarchies.version === 2 ? new CgroupsV2(hierarchies) : new CgroupsV1(hierarchies);
}
