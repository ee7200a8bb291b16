import { type Flag, never, only } from './flag.ts';

const SWARM = 'Berth has no swarm mode';
const CONTAINERD = 'Berth does not use containerd';

/** The flags of dockerd that set nothing here: refused, unless they ask for what is done anyway. */
export const REFUSED: Flag[] = [
  {
    name: 'allow-nondistributable-artifacts',
    type: 'list',
    help: 'Push nondistributable artifacts to these registries',
    refuse: never('layers of foreign URLs are not supported'),
  },
  {
    name: 'api-cors-header',
    type: 'string',
    help: 'Set CORS headers in the API',
    refuse: only('')('cross-origin access is not supported: put a proxy in front'),
  },
  {
    name: 'authorization-plugin',
    key: 'authorization-plugins',
    type: 'list',
    help: 'Authorization plugins to load',
    refuse: never('plugins are not supported'),
  },
  { name: 'containerd', type: 'string', help: 'containerd address', refuse: only('')(CONTAINERD) },
  { name: 'containerd-namespace', type: 'string', help: 'containerd namespace', refuse: never(CONTAINERD) },
  {
    name: 'containerd-plugins-namespace',
    key: 'containerd-plugin-namespace',
    type: 'string',
    help: 'containerd namespace for plugins',
    refuse: never(CONTAINERD),
  },
  {
    name: 'cpu-rt-period',
    type: 'integer',
    help: 'CPU real-time period of the parent cgroup',
    refuse: only(0)('real-time limits of the parent cgroup are not supported'),
  },
  {
    name: 'cpu-rt-runtime',
    type: 'integer',
    help: 'CPU real-time runtime of the parent cgroup',
    refuse: only(0)('real-time limits of the parent cgroup are not supported'),
  },
  {
    name: 'cri-containerd',
    type: 'boolean',
    help: 'start containerd with CRI',
    refuse: only(false)(CONTAINERD),
  },
  {
    name: 'exec-opt',
    key: 'exec-opts',
    type: 'list',
    help: 'Runtime options (native.cgroupdriver=cgroupfs)',
    refuse: (value) =>
      (value as string[]).every((option) => option === 'native.cgroupdriver=cgroupfs')
        ? undefined
        : 'only native.cgroupdriver=cgroupfs is supported',
  },
  { name: 'init-path', type: 'string', help: 'Init to use', refuse: only('')('the built-in init is used') },
  {
    name: 'network-control-plane-mtu',
    type: 'integer',
    help: 'MTU of the swarm control plane',
    refuse: only(1500)(SWARM),
  },
  {
    name: 'node-generic-resource',
    key: 'node-generic-resources',
    type: 'list',
    help: 'Swarm resources',
    refuse: never(SWARM),
  },
  { name: 'rootless', type: 'boolean', help: 'Rootless mode', refuse: only(false)('Berth needs root') },
  {
    name: 'selinux-enabled',
    type: 'boolean',
    help: 'SELinux',
    refuse: only(false)('SELinux is not supported'),
  },
  { name: 'swarm-default-advertise-addr', type: 'string', help: 'Swarm address', refuse: only('')(SWARM) },
  {
    name: 'userland-proxy-path',
    type: 'string',
    help: 'Proxy program',
    refuse: only('')('the built-in proxy is used'),
  },
];
