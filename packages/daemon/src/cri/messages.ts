import type { CallOf } from '@berth/grpc';

/** A message, by its members' names; what is read of one is checked before it counts. */
export type Message = Record<string, unknown>;
export type Call = CallOf<Message, Message>;

/* The parts of the interface's messages that are read here, as the codec gives them: absent messages are null. */

export interface Int64Value {
  value: number;
}

export interface IdMapping {
  host_id: number;
  container_id: number;
  length: number;
}

export interface NamespaceOption {
  network: number;
  pid: number;
  ipc: number;
  target_id: string;
  userns_options: { mode: number; uids: IdMapping[]; gids: IdMapping[] } | null;
}

export interface SecurityProfile {
  profile_type: number;
  localhost_ref: string;
}

export interface SandboxSecurity {
  namespace_options: NamespaceOption | null;
  selinux_options: SelinuxOption | null;
  run_as_user: Int64Value | null;
  run_as_group: Int64Value | null;
  privileged: boolean;
  supplemental_groups: number[];
  supplemental_groups_policy: number;
  seccomp: SecurityProfile | null;
  apparmor: SecurityProfile | null;
  seccomp_profile_path: string;
}

export interface SelinuxOption {
  user: string;
  role: string;
  type: string;
  level: string;
}

export interface PodSandboxMetadata {
  name: string;
  uid: string;
  namespace: string;
  attempt: number;
}

export interface PodSandboxConfig {
  metadata: PodSandboxMetadata | null;
  hostname: string;
  log_directory: string;
  dns_config: { servers: string[]; searches: string[]; options: string[] } | null;
  port_mappings: Array<{ protocol: number; container_port: number; host_port: number; host_ip: string }>;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  linux: {
    cgroup_parent: string;
    security_context: SandboxSecurity | null;
    sysctls: Record<string, string>;
    resources: LinuxResources | null;
    overhead: LinuxResources | null;
  } | null;
  windows: unknown;
}

export interface LinuxResources {
  cpu_period: number;
  cpu_quota: number;
  cpu_shares: number;
  memory_limit_in_bytes: number;
  oom_score_adj: number;
  cpuset_cpus: string;
  cpuset_mems: string;
  hugepage_limits: Array<{ page_size: string; limit: number }>;
  unified: Record<string, string>;
  memory_swap_limit_in_bytes: number;
}

export interface ImageSpec {
  image: string;
  annotations: Record<string, string>;
  user_specified_image: string;
  runtime_handler: string;
}

export interface Mount {
  container_path: string;
  host_path: string;
  readonly: boolean;
  selinux_relabel: boolean;
  propagation: number;
  uidMappings: IdMapping[];
  gidMappings: IdMapping[];
  recursive_read_only: boolean;
  image: ImageSpec | null;
  image_sub_path: string;
}

export interface ContainerSecurity {
  capabilities: {
    add_capabilities: string[];
    drop_capabilities: string[];
    add_ambient_capabilities: string[];
  } | null;
  privileged: boolean;
  namespace_options: NamespaceOption | null;
  selinux_options: SelinuxOption | null;
  run_as_user: Int64Value | null;
  run_as_group: Int64Value | null;
  run_as_username: string;
  readonly_rootfs: boolean;
  supplemental_groups: number[];
  supplemental_groups_policy: number;
  no_new_privs: boolean;
  masked_paths: string[];
  readonly_paths: string[];
  seccomp: SecurityProfile | null;
  apparmor: SecurityProfile | null;
  apparmor_profile: string;
  seccomp_profile_path: string;
}

export interface ContainerConfig {
  metadata: { name: string; attempt: number } | null;
  image: ImageSpec | null;
  command: string[];
  args: string[];
  working_dir: string;
  envs: Array<{ key: string; value: string }>;
  mounts: Mount[];
  devices: Array<{ container_path: string; host_path: string; permissions: string }>;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  log_path: string;
  stdin: boolean;
  stdin_once: boolean;
  tty: boolean;
  linux: { resources: LinuxResources | null; security_context: ContainerSecurity | null } | null;
  windows: unknown;
  CDI_devices: Array<{ name: string }>;
  stop_signal: number;
}
