import type { ImageDescriptor } from '../../images/api.ts';
import type { EndpointSettings, PortMap } from '../../networks/api.ts';
import type { ContainerRecord, Health, MountPoint, Status } from './types.ts';

/* Containers as replies show them, with the members of all API versions; `server/shapes` leaves out what a version lacks. */

/** A mount as it is shown. */
export type ShownMount = Pick<
  MountPoint,
  'Type' | 'Name' | 'Source' | 'Destination' | 'Driver' | 'Mode' | 'RW' | 'Propagation'
>;

/** A port that is exposed, or published where it has a public one. */
export interface ShownPort {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** The state of a container. */
export interface ShownState {
  Status: Status;
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  Dead: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  StartedAt: string;
  FinishedAt: string;
  Health?: Health;
}

/** The networks of a container, and those of the default bridge once more, for clients from before networks. */
export interface ShownNetworks {
  Bridge: string;
  SandboxID: string;
  SandboxKey: string;
  Ports: PortMap;
  HairpinMode: boolean;
  LinkLocalIPv6Address: string;
  LinkLocalIPv6PrefixLen: number;
  SecondaryIPAddresses: null;
  SecondaryIPv6Addresses: null;
  EndpointID: string;
  Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  MacAddress: string;
  Networks: Record<string, EndpointSettings>;
}

/** One container, in full. */
export interface ContainerInspect {
  Id: string;
  Created: string;
  Path: string;
  Args: string[];
  State: ShownState;
  Image: string;
  ResolvConfPath: string;
  HostnamePath: string;
  HostsPath: string;
  LogPath: string;
  ImageManifestDescriptor?: ImageDescriptor;
  Name: string;
  RestartCount: number;
  Driver: string;
  Platform: string;
  MountLabel: string;
  ProcessLabel: string;
  AppArmorProfile: string;
  ExecIDs: string[] | null;
  HostConfig: ContainerRecord['hostConfig'];
  GraphDriver: { Data: Record<string, string> | null; Name: string };
  SizeRw?: number;
  SizeRootFs?: number;
  Mounts: ShownMount[];
  Config: ContainerRecord['config'];
  NetworkSettings: ShownNetworks;
}

/** A container in a list. */
export interface ContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  ImageManifestDescriptor?: ImageDescriptor;
  Command: string;
  /** Seconds since 1970. */
  Created: number;
  Ports: ShownPort[];
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Record<string, string>;
  State: Status;
  Status: string;
  HostConfig: { NetworkMode: string; Annotations?: Record<string, string> };
  NetworkSettings: { Networks: Record<string, EndpointSettings> };
  Mounts: ShownMount[];
  Health: { Status: 'none' | Health['Status']; FailingStreak: number };
}

/** One exec. */
export interface ExecInspect {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: {
    tty: boolean;
    entrypoint: string;
    arguments: string[];
    privileged: boolean;
    user?: string;
  };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  /** Base64. */
  DetachKeys: string;
  Pid: number;
}
