import type { Flag } from './flag.ts';

/** The flags of what containers run under, and get where their own configuration says nothing. */
export const CONTAINER_FLAGS: Flag[] = [
  {
    name: 'add-runtime',
    key: 'runtimes',
    type: 'runtimes',
    field: 'runtimes',
    reload: true,
    help: 'Register an OCI runtime (NAME=PATH), to be chosen by its name',
  },
  { name: 'cgroup-parent', type: 'string', field: 'cgroupParent', help: 'Parent cgroup of all containers' },
  {
    name: 'default-cgroupns-mode',
    type: 'string',
    field: 'defaultCgroupnsMode',
    help: 'Cgroup namespace of containers ("host" | "private")',
  },
  {
    name: 'default-ipc-mode',
    type: 'string',
    field: 'defaultIpcMode',
    help: 'IPC namespace of containers ("shareable" | "private")',
  },
  {
    name: 'default-runtime',
    type: 'string',
    field: 'defaultRuntime',
    reload: true,
    help: "OCI runtime of containers that name none (default: Berth's own)",
  },
  {
    name: 'default-shm-size',
    type: 'bytes',
    field: 'defaultShmSize',
    reload: true,
    help: 'Size of /dev/shm (default 64MiB)',
  },
  {
    name: 'default-ulimit',
    key: 'default-ulimits',
    type: 'ulimits',
    field: 'defaultUlimits',
    help: 'Limits of containers (name=soft:hard)',
  },
  {
    name: 'cdi-spec-dir',
    key: 'cdi-spec-dirs',
    type: 'list',
    field: 'cdiSpecDirs',
    help: 'Folders of CDI specifications (default /etc/cdi and /var/run/cdi)',
  },
  { name: 'init', type: 'boolean', field: 'init', help: 'Run an init in every container' },
  {
    name: 'log-driver',
    type: 'string',
    field: 'logDriver',
    help: 'Log driver of containers (default "json-file")',
  },
  { name: 'log-opt', key: 'log-opts', type: 'map', field: 'logOpts', help: 'Log options of containers' },
  {
    name: 'no-new-privileges',
    type: 'boolean',
    field: 'noNewPrivileges',
    help: 'Set no-new-privileges in new containers',
  },
  {
    name: 'seccomp-profile',
    type: 'string',
    field: 'seccompProfile',
    help: 'Seccomp profile of containers ("builtin", "unconfined" or a file)',
  },
  {
    name: 'userns-remap',
    type: 'string',
    field: 'usernsRemap',
    help: 'User namespace mapping of containers ("default", user[:group])',
  },
];
