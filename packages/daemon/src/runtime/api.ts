import type { LaunchRecord } from '@berth/native';
import type { RootFilesystem } from '../layers/api.ts';
import type { CdiEdits } from './devices/types.ts';
import type { IdMapping, RuntimeSpec } from './oci/config.ts';
import type { RuntimeHandler, RuntimeHandlers, RuntimeProgram } from './oci/handlers.ts';

export type { CdiEdits } from './devices/types.ts';
export type { RuntimeHandler, RuntimeHandlers, RuntimeProgram, RuntimeSpec };

/** The resource members of HostConfig that `docker update` can change too; units as in the Docker API. */
export interface Resources {
  CpuShares?: number;
  Memory?: number;
  MemoryReservation?: number;
  MemorySwap?: number;
  MemorySwappiness?: number | null;
  KernelMemory?: number;
  NanoCpus?: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  PidsLimit?: number | null;
  OomKillDisable?: boolean | null;
  BlkioWeight?: number;
  BlkioWeightDevice?: Array<{ Path: string; Weight: number }> | null;
  BlkioDeviceReadBps?: Array<{ Path: string; Rate: number }> | null;
  BlkioDeviceWriteBps?: Array<{ Path: string; Rate: number }> | null;
  BlkioDeviceReadIOps?: Array<{ Path: string; Rate: number }> | null;
  BlkioDeviceWriteIOps?: Array<{ Path: string; Rate: number }> | null;
  CgroupParent?: string;
  /** Files of cgroup v2 by their names, as the kernel takes them. */
  Unified?: Record<string, string>;
  /** Bytes of huge pages of a size (`2MB`). */
  HugepageLimits?: Array<{ PageSize: string; Limit: number }>;
}

/** All that the runtime is told of a container; `containers` fills it from HostConfig, Config and the other rooms. */
export interface RuntimeRequest {
  id: string;
  rootFilesystem: RootFilesystem;
  readonlyRootfs: boolean;
  args: string[];
  env: string[];
  cwd: string;
  /** `user[:group]` as given; names are looked up by the C side in the container's own passwd and group files. */
  user: string;
  groupAdd: string[];
  /** The memberships that the container's own files give the user: `merge`: always, `strict`: never; absent: without a group in `user`. */
  groupsPolicy?: 'merge' | 'strict';
  tty: boolean;
  consoleSize?: [height: number, width: number];
  hostname: string;
  domainname: string;
  init: boolean;
  privileged: boolean;
  capAdd: string[];
  capDrop: string[];
  /** Capabilities that users other than root keep, too. */
  capAmbient?: string[];
  securityOpt: string[];
  /** null: the default lists; []: none. */
  maskedPaths: string[] | null;
  readonlyPaths: string[] | null;
  ulimits: Array<{ Name: string; Soft: number; Hard: number }>;
  sysctls: Record<string, string>;
  resources: Resources;
  oomScoreAdj: number;
  shmSize: number;
  devices: Array<{ PathOnHost: string; PathInContainer: string; CgroupPermissions: string }>;
  deviceCgroupRules: string[];
  /** The edits of its CDI devices: nodes, and what only another runtime than Berth's own can apply. */
  cdi?: Pick<CdiEdits, 'devices' | 'hooks' | 'intelRdt' | 'netDevices'>;
  /** Binds, volumes (as binds), tmpfs, images; in any order, the runtime sorts them. */
  mounts: Array<{
    type: 'bind' | 'tmpfs' | 'image';
    source?: string;
    /** image: its layers. */
    lower?: RootFilesystem['lower'];
    destination: string;
    readonly: boolean;
    /** bind: `bind` (not what is mounted below), `ro-nonrecursive`, `ro-force-recursive`; tmpfs: mount(8)'s. */
    options: string[];
    propagation?: string;
    /** bind, image: a path inside `source`, resolved so that no link in it leads out. */
    subpath?: string;
    /** bind: how the ids of its files are mapped (id-map.ts), and whether those of what is mounted below are, too. */
    idmap?: { map: string; recursive: boolean };
  }>;
  /** /etc/hosts, /etc/hostname, /etc/resolv.conf on the host. */
  networkFiles: Array<{ source: string; destination: string }>;
  namespaces: {
    /** A path of a network namespace, `host`, or `none` (a new, empty one). */
    network: string;
    /** `private`, `shareable`, `host`, or a path of a namespace. */
    pid: string;
    ipc: string;
    uts: string;
    cgroup: string;
    user: string;
    /** Shared with `--ipc container:`: the other's /dev/shm on the host, if any; or the folder of a pod's. */
    shmPath?: string;
    /** The namespaces are a pod's, and so are their kernel parameters. */
    ofPod?: boolean;
  };
  annotations: Record<string, string>;
}

/** Under another runtime than Berth's own: its program (`RuntimeHandlers.resolve`), and the bundle's directory. */
export interface LaunchOptions {
  program?: RuntimeProgram;
  bundle?: string;
  /** The folder of a checkpoint that is restored. */
  restore?: string;
}

/** Settings of a further process of a container (exec) that are its own. */
export interface ExecRequest {
  args: string[];
  env: string[];
  cwd: string;
  user: string;
  privileged: boolean;
  tty: boolean;
  consoleSize?: [height: number, width: number];
}

/** The members of `/info` about the machine, by their names there. */
export interface RuntimeInfo {
  MemoryLimit: boolean;
  SwapLimit: boolean;
  KernelMemoryTCP: boolean;
  CpuCfsPeriod: boolean;
  CpuCfsQuota: boolean;
  CPUShares: boolean;
  CPUSet: boolean;
  PidsLimit: boolean;
  OomKillDisable: boolean;
  SecurityOptions: string[];
  /** The cgroup namespace mode of containers that name none: `host` on v1, `private` on v2, or the daemon's option. */
  DefaultCgroupnsMode: string;
}

/** Numbers of GET /containers/{id}/stats, read from the cgroup; `containers` adds the envelope. */
export interface CgroupStats {
  cpu: Record<string, unknown>;
  memory: Record<string, unknown>;
  pids: Record<string, unknown>;
  blkio: Record<string, unknown>;
  /** Bytes in swap; absent where the kernel does not count them. */
  swap?: number;
}

/** One line of a pressure file. */
export interface PressureLine {
  /** Percent of the time that some (or all) tasks waited, over 10, 60 and 300 seconds. */
  Avg10: number;
  Avg60: number;
  Avg300: number;
  /** Microseconds in all. */
  Total: number;
}

/** Pressure stall information of one resource (the kernel's accounting/psi.rst). */
export interface Pressure {
  Some: PressureLine;
  Full?: PressureLine;
}

/** The limits of a container beside what it uses. A limit that is null does not hold. */
export interface CgroupView {
  Version: 1 | 2;
  /** Below the hierarchies' roots. */
  Path: string;
  /** Bytes. */
  Memory: {
    Limit: number | null;
    Usage: number;
    Peak: number;
    /** v1: of memory and swap together; v2: of swap. */
    SwapLimit: number | null;
    Reservation: number | null;
    /** How often an allocation met the limit. */
    LimitHits: number;
    OomKills: number;
    Cache: number;
    MajorFaults: number;
  };
  Cpu: {
    /** Processors' worth of time. */
    Limit: number | null;
    /** v1: shares; v2: weight. */
    Shares: number;
    Cpus: string;
    /** Nanoseconds. */
    Usage: number;
    Periods: number;
    Throttled: number;
    /** Nanoseconds. */
    ThrottledTime: number;
  };
  Pids: { Limit: number | null; Usage: number; LimitHits: number };
  Io: { ReadBytes: number; WrittenBytes: number };
  Pressure: { Cpu?: Pressure; Memory?: Pressure; Io?: Pressure };
  /** Version 1 knows the whole machine's pressure only. */
  PressureOf: 'container' | 'host';
}

/** Takes back a change that was made. */
export type WayBack = () => Promise<void>;

/** The containers' side of the kernel: specs, launch records, cgroups, profiles. An `id` is a container's. */
export interface Runtime {
  readonly cgroupVersion: 1 | 2;
  readonly cgroupDriver: 'cgroupfs';
  /** The warnings about things the machine can't do, as in `/info` and the answer to container create. */
  warnings(): string[];
  /** The machine's abilities, for `/info`. */
  info(): RuntimeInfo;
  /** The features of the built-in runtime, in the words of the OCI runtime specification's features document. */
  features(): Record<string, unknown>;
  /** Checks values and combinations as dockerd does. @throws invalid-parameter naming the field. Returns warnings. */
  validate(
    request: Pick<
      RuntimeRequest,
      | 'resources'
      | 'sysctls'
      | 'capAdd'
      | 'capDrop'
      | 'securityOpt'
      | 'ulimits'
      | 'devices'
      | 'deviceCgroupRules'
      | 'privileged'
    > & { networkMode?: string },
    options?: { /** For `docker update`: only the resources are looked at. */ update?: boolean },
  ): string[];
  /** The host's ids of root in containers: 0 unless user ids are remapped. */
  root(): { uid: number; gid: number };
  /** The ids of a container with a user namespace of its own, or without one; [] where they are the host's. */
  idMaps(remapped: boolean): { uids: readonly IdMapping[]; gids: readonly IdMapping[] };
  /** The records of a container's user namespace. */
  userMaps(): LaunchRecord[];
  /** The folders of a cgroup with that name below a parent, where memory and processes are counted; it is not made here. */
  cgroupFolders(name: string, parent: string): string[];
  /** Numbers of what runs below a parent of containers' cgroups; undefined when there is none. */
  parentStats(parent: string): Promise<CgroupStats | undefined>;
  /** The AppArmor profile of a container with these settings; '' where the kernel has no AppArmor. */
  apparmorProfile(request: Pick<RuntimeRequest, 'privileged' | 'securityOpt'>): string;
  /** The runtimes that may be named, Berth's own among them. */
  readonly handlers: RuntimeHandlers;
  /** Devices that vendors' files describe (CDI). */
  readonly cdi: {
    /** The names of all, `vendor.com/class=name`. */
    devices(): Promise<string[]>;
    /** The changes that devices make to a container. @throws invalid-parameter for one that is not known, or needs what is not supported */
    edits(names: readonly string[]): Promise<CdiEdits>;
  };
  /** The complete OCI spec of a container, whatever runtime it is for. */
  spec(request: RuntimeRequest): RuntimeSpec;
  /** The launch description of a spec, in the order that `native` executes it. */
  compile(spec: RuntimeSpec, options?: LaunchOptions): LaunchRecord[];
  /**
   * The launch records of one exec in that container. `foreign`: it runs under another runtime than Berth's own
   * (`Supervisor.foreign`).
   */
  compileExec(request: RuntimeRequest, exec: ExecRequest, foreign?: boolean): LaunchRecord[];
  /** The limits without those that this kernel can't apply, which `validate` warned of. */
  supported(resources: Resources): Resources;
  /** Applies changed limits to a running container's cgroup: all, or none. @throws invalid-parameter, system. */
  update(id: string, resources: Resources): Promise<WayBack>;
  /** Freezes a container's cgroup. @throws system */
  pause(id: string): Promise<void>;
  /** Thaws a container's cgroup. @throws system */
  unpause(id: string): Promise<void>;
  /** Whether the kernel has it frozen; false for a container without a cgroup. */
  isPaused(id: string): Promise<boolean>;
  /** Kills every process in the container's cgroup, frozen ones too, without its supervisor; does not wait for their end. */
  killAll(id: string): Promise<void>;
  /** Numbers of a container's cgroup. @throws not-found for one that has none */
  stats(id: string): Promise<CgroupStats>;
  /** The container's limits beside what it uses. @throws not-found for one that has no cgroup */
  view(id: string): Promise<CgroupView>;
  /** Process ids in the container's cgroup. */
  processes(id: string): Promise<number[]>;
  /** Kills all that is left in the cgroup and removes it. Succeeds when it is not there. */
  removeCgroup(id: string): Promise<void>;
  /** Removes cgroups of containers not in `known` (start-up). */
  reconcile(known: Set<string>): Promise<void>;
}
