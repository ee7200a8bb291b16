import type { LaunchRecord } from '@berth/native';
import type { EndpointSettings, NetworkState } from '../../networks/api.ts';
import type { Config, HostConfig, MountSpec } from './config-types.ts';

export type * from './config-types.ts';

/** One mount of a container, resolved at create; its public members are those of inspect's `Mounts`. */
export interface MountPoint {
  Type: 'bind' | 'volume' | 'tmpfs' | 'image';
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
  /** Copy the image's files into a new volume at the first start. */
  copyUp?: boolean;
  /** A folder or file in the volume or image that is mounted in its place. */
  subpath?: string;
  /** The image that is mounted, by the name it was asked for, with the layers it had then. */
  image?: { name: string; id: string; layers: string[] };
  /** Options of a tmpfs, as mount(8) writes them. */
  tmpfs?: string;
  /** Make the bind's source when it is missing (Binds do, Mounts don't). */
  createSource?: boolean;
  nonRecursive?: boolean;
  readOnlyNonRecursive?: boolean;
  readOnlyForceRecursive?: boolean;
  /** How the ids of a bind's files are mapped (`parseIdMap` of the runtime). */
  idMap?: string;
  /** The volume was made for this container alone (`rm -v` removes it). */
  anonymous?: boolean;
  spec?: MountSpec;
}

export type Status = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing' | 'dead';

export interface HealthLogEntry {
  Start: string;
  End: string;
  ExitCode: number;
  Output: string;
}

export interface Health {
  Status: 'starting' | 'healthy' | 'unhealthy';
  FailingStreak: number;
  Log: HealthLogEntry[];
}

/** The state of a container that changes while it lives; small, written at each change. */
export interface LifeState {
  status: Status;
  pid: number;
  exitCode: number;
  error: string;
  oomKilled: boolean;
  /** How often the OOM killer struck in this run, of which all were told. */
  oomKills?: number;
  /** The container's supervisor went without telling how the container ended. */
  lost?: boolean;
  /** RFC 3339 with nanoseconds; the year 1 when never. */
  startedAt: string;
  finishedAt: string;
  /** How often its policy had it started again since the last start by hand, and the end that began it. */
  restartCount: number;
  restartsSince?: string;
  /** `stop` or `kill` was asked for since the last start by hand: `unless-stopped` leaves it so. */
  manuallyStopped: boolean;
  /** The last delay of the restart policy, in milliseconds. */
  backoff: number;
  /** A start is under way: recorded before anything runs, so that a restart policy holds from there on. */
  launching?: true;
  /** For whom it is frozen, recorded before the kernel is told to freeze it and until it is thawed. */
  freezer?: Freezer;
  /** A restart by hand is under way: the end that it brings is not that of a container that goes by itself. */
  restarting?: true;
  /** A stop that is under way, so that the next daemon goes on with it. */
  stop?: PendingStop;
  /** A checkpoint that ends it is being made: it stays down after that end, whatever its restart policy. */
  checkpointing?: true;
}

/** How far a stop has come; without members: its signal was sent, and it waits for the end for ever. */
export interface PendingStop {
  /** A signal that is not known to be sent, and how long the container has from there on. */
  next?: StopSignal;
  /** The instant at which it is killed, in milliseconds of the monotonic clock. */
  killAt?: number;
}

/** The signal of a stop, by number, and how long the container has to act on it, in seconds; negative: for ever. */
export interface StopSignal {
  signal: number;
  seconds: number;
}

/** The cause of a freeze: a user, who thaws the container too, or a commit, which thaws it when it has ended. */
export type Freezer = 'user' | 'commit';

/** A container's part in its pod. */
export interface PodMember {
  /** The pod's id. */
  id: string;
  /** The file of its log, in the format of the Container Runtime Interface; '' for the engine's own log. */
  log: string;
  capAmbient: string[];
  groupsPolicy: 'merge' | 'strict';
  /** Limits that the Docker API has no words for. */
  unified: Record<string, string>;
  hugepages: Array<{ PageSize: string; Limit: number }>;
  /** Destinations of binds whose ids are those of the pod's user namespace. */
  idmapped: string[];
  /** The ids that its first process began with in its last run, as it sees them. */
  user?: { uid: number; gid: number; groups: number[] };
  /** The service of pods keeps here how its client described the container, and shows it again so. */
  told: unknown;
}

/** The way back from an update that was not finished. */
export interface Interrupted {
  before: Pick<ContainerRecord, 'config' | 'hostConfig' | 'mounts' | 'nextMounts' | 'pod'>;
  /** The ports whose bindings change, as `80/tcp`; the records by which the supervisor gives up what it had for them. */
  ports: string[];
  closing: LaunchRecord[];
  /** The places of mounts that come or go at once. */
  places: string[];
}

/** The record of a container: written at create, and by rename, update, connect. */
export interface ContainerRecord {
  id: string;
  /** Without slash. */
  name: string;
  created: string;
  path: string;
  args: string[];
  imageId: string;
  imageName: string;
  platform: string;
  config: Config;
  hostConfig: HostConfig;
  mounts: MountPoint[];
  /** Endpoints asked for, by network; connect and disconnect change it. */
  endpoints: Record<string, Partial<EndpointSettings>>;
  /** The mounts from the next start on, where an update could not change those of the run. */
  nextMounts?: MountPoint[];
  /** The container is being removed, and its anonymous volumes stay. */
  keepsVolumes?: boolean;
  /** The container is being updated while it runs: a daemon that finds this takes the update back. */
  updating?: Interrupted;
  /** The container's create has not come to its end: the daemon's next start takes it away. */
  unfinished?: true;
  /** The container is a step of a build: a build that was interrupted by the daemon's end does not leave it behind. */
  buildStep?: true;
  /** The pod that the container belongs to. */
  pod?: PodMember;
  /** Links put no variables into its environment. */
  noLinkVariables?: true;
  /** The container may ask for addresses of subnets that the pools gave (engine 29). */
  anySubnet?: true;
}

/** One frozen view of a container: what list and inspect read. */
export interface ContainerSnapshot {
  readonly record: Readonly<ContainerRecord>;
  readonly state: Readonly<LifeState>;
  readonly health: Readonly<Health> | undefined;
  readonly network: NetworkState;
}

/** The condition of a wait. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  StatusCode: number;
  Error: { Message: string } | null;
}
