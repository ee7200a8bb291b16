import type { OciHooks, OciIntelRdt } from '../oci/config.ts';

/** A device node whose numbers are known already, and whose rights are the specification's. */
export interface DeviceNode {
  path: string;
  type: 'b' | 'c' | 'p';
  major: number;
  minor: number;
  /** Absent: 0666. */
  fileMode?: number;
  /** Absent: the id of the container's user. */
  uid?: number;
  gid?: number;
  /** Letters of the devices cgroup. */
  access: string;
}

/** The changes that a device makes to a container. */
export interface CdiEdits {
  env: string[];
  devices: DeviceNode[];
  mounts: Array<{
    type: 'bind' | 'tmpfs';
    source: string;
    destination: string;
    readonly: boolean;
    options: string[];
    propagation?: string;
  }>;
  groups: string[];
  hooks: OciHooks;
  intelRdt?: OciIntelRdt;
  netDevices: Record<string, { name: string }>;
  /**
   * The first field that only another runtime than Berth's own can apply, with its file, for errors: hooks, intelRdt,
   * netDevices.
   */
  beyond?: { field: 'hooks' | 'intelRdt' | 'netDevices'; at: string };
}
