/*
 * The OCI runtime specification's config.json (runtime-spec 1.2, config.md and config-linux.md): the members that a
 * container here can have, in the specification's names and units.
 */

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface OciMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface OciUser {
  uid: number;
  gid: number;
  additionalGids?: number[];
}

export type CapabilitySet = 'bounding' | 'effective' | 'inheritable' | 'permitted' | 'ambient';

export interface OciProcess {
  terminal: boolean;
  consoleSize?: { height: number; width: number };
  user: OciUser;
  args: string[];
  env: string[];
  cwd: string;
  capabilities: Record<CapabilitySet, string[]>;
  /** A limit of -1 is none; written as the largest number of 64 bits (bundle.ts). */
  rlimits?: Array<{ type: string; soft: number; hard: number }>;
  noNewPrivileges: boolean;
  apparmorProfile?: string;
  selinuxLabel?: string;
  oomScoreAdj: number;
}

export interface OciDevice {
  path: string;
  type: string;
  major: number;
  minor: number;
  fileMode: number;
  uid: number;
  gid: number;
}

/** A rule of the devices cgroup; a rule without a number is for any. */
export interface OciDeviceRule {
  allow: boolean;
  type?: 'a' | 'b' | 'c';
  major?: number;
  minor?: number;
  access: string;
}

export interface OciBlockDevice {
  major: number;
  minor: number;
}

/** Limits: bytes, microseconds, weights of cgroup v1, whatever version the host has. */
export interface OciResources {
  devices?: OciDeviceRule[];
  memory?: {
    limit?: number;
    reservation?: number;
    /** Memory and swap together, as v1 has it; -1: no limit. */
    swap?: number;
    swappiness?: number;
    disableOOMKiller?: boolean;
  };
  cpu?: {
    shares?: number;
    quota?: number;
    period?: number;
    realtimeRuntime?: number;
    realtimePeriod?: number;
    cpus?: string;
    mems?: string;
  };
  /** 0 or less: as many as the machine takes. */
  pids?: { limit: number };
  hugepageLimits?: Array<{ pageSize: string; limit: number }>;
  /** Files of cgroup v2 by their names. */
  unified?: Record<string, string>;
  blockIO?: {
    weight?: number;
    weightDevice?: Array<OciBlockDevice & { weight: number }>;
    throttleReadBpsDevice?: Array<OciBlockDevice & { rate: number }>;
    throttleWriteBpsDevice?: Array<OciBlockDevice & { rate: number }>;
    throttleReadIOPSDevice?: Array<OciBlockDevice & { rate: number }>;
    throttleWriteIOPSDevice?: Array<OciBlockDevice & { rate: number }>;
  };
}

export interface OciSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures: string[];
  flags: string[];
  syscalls: Array<{
    names: string[];
    action: string;
    errnoRet?: number;
    args: Array<{ index: number; value: number; valueTwo?: number; op: string }>;
  }>;
}

export interface OciNamespace {
  type: 'mount' | 'network' | 'pid' | 'ipc' | 'uts' | 'cgroup' | 'user' | 'time';
  path?: string;
}

/** A program that the runtime calls at a moment of a container's life, with its state on the standard input. */
export interface OciHook {
  path: string;
  args?: string[];
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

export type OciHooks = Partial<
  Record<
    'prestart' | 'createRuntime' | 'createContainer' | 'startContainer' | 'poststart' | 'poststop',
    OciHook[]
  >
>;

export interface OciIntelRdt {
  closID?: string;
  l3CacheSchema?: string;
  memBwSchema?: string;
  schemata?: string[];
  enableMonitoring?: boolean;
  enableCMT?: boolean;
  enableMBM?: boolean;
}

/** config.json. What only Berth's own runtime needs is in one annotation (own.ts). */
export interface RuntimeSpec {
  ociVersion: string;
  process: OciProcess;
  root: { path: string; readonly: boolean };
  hostname?: string;
  domainname?: string;
  mounts: OciMount[];
  annotations: Record<string, string>;
  /** Hooks of CDI devices; Berth's own runtime calls none. */
  hooks?: OciHooks;
  linux: {
    uidMappings?: IdMapping[];
    gidMappings?: IdMapping[];
    namespaces: OciNamespace[];
    devices: OciDevice[];
    resources: OciResources;
    cgroupsPath: string;
    sysctl: Record<string, string>;
    seccomp?: OciSeccomp;
    intelRdt?: OciIntelRdt;
    /** Interfaces of the host that are moved in, by their names there. */
    netDevices?: Record<string, { name: string }>;
    rootfsPropagation?: string;
    maskedPaths: string[];
    readonlyPaths: string[];
  };
}
