import type { MountSpec } from '../model/types.ts';

/** Members in this order, whatever order they were given in; one that was not given has the value that stands here. */
const inOrder =
  <Members extends object>(members: Members) =>
  (given: Partial<Members>): Members =>
    Object.fromEntries(
      Object.entries(members).map(([name, none]) => [name, given[name as keyof Members] ?? none]),
    ) as Members;

/* Parts of HostConfig as inspect shows them; dockerd has null for each list that was not given. */

export const device = inOrder({ PathOnHost: '', PathInContainer: '', CgroupPermissions: '' });
export const deviceRequest = inOrder<Record<string, unknown>>({
  Driver: '',
  Count: 0,
  DeviceIDs: null,
  Capabilities: null,
  Options: null,
});
export const ulimit = inOrder({ Name: '', Hard: 0, Soft: 0 });
export const weightDevice = inOrder({ Path: '', Weight: 0 });
export const throttleDevice = inOrder({ Path: '', Rate: 0 });

/** Members of a mount in their order; those of a value that is an object stand below it. */
type Order = { [name: string]: Order | null };

const MOUNT: Order = {
  Type: null,
  Source: null,
  Target: null,
  ReadOnly: null,
  Consistency: null,
  BindOptions: {
    Propagation: null,
    NonRecursive: null,
    CreateMountpoint: null,
    ReadOnlyNonRecursive: null,
    ReadOnlyForceRecursive: null,
    IDMap: null,
  },
  VolumeOptions: {
    NoCopy: null,
    Labels: null,
    DriverConfig: { Name: null, Options: null },
    Subpath: null,
  },
  ImageOptions: { Subpath: null },
  TmpfsOptions: { SizeBytes: null, Mode: null, Options: null },
  ClusterOptions: null,
};

/** An entry of Mounts as inspect shows it: what is false, zero or empty stands there as little as what was not given. */
export const mountSpec = (given: MountSpec): MountSpec => ordered(given, MOUNT) as unknown as MountSpec;

function ordered(given: object, order: Order): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, below] of Object.entries(order)) {
    const value = (given as Record<string, unknown>)[name];
    if (!value || (below === null && typeof value === 'object' && Object.keys(value).length === 0)) continue;
    shown[name] = below ? ordered(value, below) : value;
  }
  return shown;
}
