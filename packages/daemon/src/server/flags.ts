import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The flags of berthd: dockerd's names, short forms and configuration keys. A flag is applied (`field` names the
 * setting) or refused by name (`refuse` says why, for the values that it holds for).
 */
export interface Flag {
  name: string;
  short?: string;
  /** The configuration file's key, where it is not the flag's name. */
  key?: string;
  type: 'string' | 'boolean' | 'integer' | 'bytes' | 'list' | 'map' | 'ulimits' | 'pools';
  field?: string;
  /** Flags that make no sense in a configuration file. */
  flagOnly?: boolean;
  reload?: boolean;
  help: string;
  /** Why this value is not supported; undefined when it is. */
  refuse?: (value: unknown) => string | undefined;
}

const certificates = process.env['DOCKER_CERT_PATH'] || join(homedir(), '.docker');

const never = (why: string) => () => why;
/** Fine when it asks for what is done anyway. */
const only =
  (...accepted: unknown[]) =>
  (why: string) =>
  (value: unknown) =>
    accepted.includes(value) ? undefined : why;

const SWARM = 'Berth has no swarm mode';
const CONTAINERD = 'Berth does not use containerd';

export const FLAGS: Flag[] = [
  {
    name: 'add-runtime',
    key: 'runtimes',
    type: 'map',
    help: 'Register an additional OCI runtime',
    refuse: never('only the built-in runtime is supported'),
  },
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
  { name: 'bip', type: 'string', field: 'bip', help: 'Address of the default bridge, as CIDR' },
  { name: 'bip6', type: 'string', field: 'bip6', help: 'IPv6 address of the default bridge, as CIDR' },
  {
    name: 'bridge',
    short: 'b',
    type: 'string',
    field: 'bridge',
    help: "Attach containers to this bridge; 'none' disables the default network",
  },
  {
    name: 'cdi-spec-dir',
    key: 'cdi-spec-dirs',
    type: 'list',
    help: 'CDI specification directories',
    refuse: never('CDI devices are not supported'),
  },
  { name: 'cgroup-parent', type: 'string', field: 'cgroupParent', help: 'Parent cgroup of all containers' },
  {
    name: 'config-file',
    type: 'string',
    flagOnly: true,
    help: 'Configuration file (default "/etc/berth/daemon.json")',
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
    name: 'data-root',
    type: 'string',
    field: 'dataRoot',
    help: 'Folder of persistent state (default "/var/lib/berth")',
  },
  { name: 'debug', short: 'D', type: 'boolean', field: 'debug', reload: true, help: 'Log what is done' },
  {
    name: 'default-address-pool',
    key: 'default-address-pools',
    type: 'pools',
    field: 'defaultAddressPools',
    help: 'Address pools of networks (base=CIDR,size=BITS)',
  },
  {
    name: 'default-cgroupns-mode',
    type: 'string',
    field: 'defaultCgroupnsMode',
    help: 'Cgroup namespace of containers ("host" | "private")',
  },
  { name: 'default-gateway', type: 'string', field: 'defaultGateway', help: 'IPv4 gateway of containers' },
  {
    name: 'default-gateway-v6',
    type: 'string',
    field: 'defaultGatewayV6',
    help: 'IPv6 gateway of containers',
  },
  {
    name: 'default-ipc-mode',
    type: 'string',
    field: 'defaultIpcMode',
    help: 'IPC namespace of containers ("shareable" | "private")',
  },
  {
    name: 'default-network-opt',
    key: 'default-network-opts',
    type: 'map',
    help: 'Default options of networks',
    refuse: never('give the options to each network'),
  },
  {
    name: 'default-runtime',
    type: 'string',
    field: 'defaultRuntime',
    help: 'OCI runtime of containers',
    refuse: only('runc', 'io.containerd.runc.v2')('only the built-in runtime (called runc) is supported'),
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
  { name: 'dns', type: 'list', field: 'dns', help: 'Name servers of containers' },
  {
    name: 'dns-opt',
    key: 'dns-opts',
    type: 'list',
    field: 'dnsOpts',
    help: 'Resolver options of containers',
  },
  { name: 'dns-search', type: 'list', field: 'dnsSearch', help: 'Search domains of containers' },
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
  {
    name: 'exec-root',
    type: 'string',
    field: 'execRoot',
    help: 'Folder of run-time state (default "/run/berth")',
  },
  {
    name: 'experimental',
    type: 'boolean',
    help: 'Experimental features',
    refuse: only(false)('there are no experimental features'),
  },
  { name: 'features', type: 'map', field: 'features', reload: true, help: 'Switch features on or off' },
  {
    name: 'fixed-cidr',
    type: 'string',
    field: 'fixedCidr',
    help: 'IPv4 subnet of container addresses on the default bridge',
  },
  {
    name: 'fixed-cidr-v6',
    type: 'string',
    field: 'fixedCidrV6',
    help: 'IPv6 subnet of container addresses on the default bridge',
  },
  {
    name: 'group',
    short: 'G',
    type: 'string',
    field: 'group',
    help: 'Group of the Unix socket (default "docker")',
  },
  { name: 'help', short: 'h', type: 'boolean', flagOnly: true, help: 'Print usage' },
  {
    name: 'host',
    short: 'H',
    key: 'hosts',
    type: 'list',
    field: 'hosts',
    help: 'Sockets to listen on (unix://, tcp://, fd://)',
  },
  {
    name: 'host-gateway-ip',
    key: 'host-gateway-ips',
    type: 'list',
    field: 'hostGatewayIps',
    help: 'Addresses that "host-gateway" in --add-host means',
  },
  { name: 'http-proxy', type: 'string', field: 'httpProxy', help: 'Proxy for outgoing HTTP' },
  { name: 'https-proxy', type: 'string', field: 'httpsProxy', help: 'Proxy for outgoing HTTPS' },
  {
    name: 'icc',
    type: 'boolean',
    field: 'icc',
    help: 'Containers of the default bridge may talk to each other (default true)',
  },
  { name: 'init', type: 'boolean', field: 'init', help: 'Run an init in every container' },
  { name: 'init-path', type: 'string', help: 'Init to use', refuse: only('')('the built-in init is used') },
  {
    name: 'insecure-registry',
    key: 'insecure-registries',
    type: 'list',
    field: 'insecureRegistries',
    reload: true,
    help: 'Registries that may speak plain HTTP or have unknown certificates',
  },
  { name: 'ip', type: 'string', field: 'ip', help: 'Address that published ports bind to (default 0.0.0.0)' },
  {
    name: 'ip-forward',
    type: 'boolean',
    field: 'ipForward',
    help: 'Enable net.ipv4.ip_forward (default true)',
  },
  { name: 'ip-masq', type: 'boolean', field: 'ipMasq', help: 'Masquerade outgoing traffic (default true)' },
  { name: 'ip6tables', type: 'boolean', field: 'ip6tables', help: 'Make IPv6 firewall rules (default true)' },
  { name: 'iptables', type: 'boolean', field: 'iptables', help: 'Make firewall rules (default true)' },
  { name: 'ipv6', type: 'boolean', field: 'ipv6', help: 'IPv6 on the default bridge' },
  {
    name: 'label',
    key: 'labels',
    type: 'list',
    field: 'labels',
    reload: true,
    help: 'Labels of the daemon (key=value)',
  },
  {
    name: 'live-restore',
    type: 'boolean',
    field: 'liveRestore',
    reload: true,
    help: 'Containers outlive the daemon; they always do, `info` shows what was said here',
  },
  {
    name: 'log-driver',
    type: 'string',
    field: 'logDriver',
    help: 'Log driver of containers (default "json-file")',
  },
  {
    name: 'log-format',
    type: 'string',
    field: 'logFormat',
    help: 'Form of the daemon\'s log ("text"|"json")',
  },
  {
    name: 'log-level',
    short: 'l',
    type: 'string',
    field: 'logLevel',
    help: 'Log level ("debug"|"info"|"warn"|"error"|"fatal")',
  },
  { name: 'log-opt', key: 'log-opts', type: 'map', field: 'logOpts', help: 'Log options of containers' },
  {
    name: 'max-concurrent-downloads',
    type: 'integer',
    field: 'maxConcurrentDownloads',
    reload: true,
    help: 'Layers fetched at once (default 3)',
  },
  {
    name: 'max-concurrent-uploads',
    type: 'integer',
    field: 'maxConcurrentUploads',
    reload: true,
    help: 'Layers sent at once (default 5)',
  },
  {
    name: 'max-download-attempts',
    type: 'integer',
    field: 'maxDownloadAttempts',
    reload: true,
    help: 'Attempts per layer (default 5)',
  },
  {
    name: 'metrics-addr',
    type: 'string',
    help: 'Address to serve metrics on',
    refuse: only('')('metrics are not served'),
  },
  { name: 'mtu', type: 'integer', field: 'mtu', help: 'MTU of the default bridge (default 1500)' },
  {
    name: 'network-control-plane-mtu',
    type: 'integer',
    help: 'MTU of the swarm control plane',
    refuse: only(1500)(SWARM),
  },
  {
    name: 'no-new-privileges',
    type: 'boolean',
    field: 'noNewPrivileges',
    help: 'Set no-new-privileges in new containers',
  },
  { name: 'no-proxy', type: 'string', field: 'noProxy', help: 'Hosts that no proxy is used for' },
  {
    name: 'node-generic-resource',
    key: 'node-generic-resources',
    type: 'list',
    help: 'Swarm resources',
    refuse: never(SWARM),
  },
  {
    name: 'pidfile',
    short: 'p',
    type: 'string',
    field: 'pidfile',
    help: 'PID file (default "/run/berth.pid")',
  },
  { name: 'raw-logs', type: 'boolean', help: 'Logs without colours (they never have any)' },
  {
    name: 'registry-mirror',
    key: 'registry-mirrors',
    type: 'list',
    field: 'registryMirrors',
    reload: true,
    help: 'Mirrors of Docker Hub',
  },
  { name: 'rootless', type: 'boolean', help: 'Rootless mode', refuse: only(false)('Berth needs root') },
  {
    name: 'seccomp-profile',
    type: 'string',
    field: 'seccompProfile',
    help: 'Seccomp profile of containers ("builtin", "unconfined" or a file)',
  },
  {
    name: 'selinux-enabled',
    type: 'boolean',
    help: 'SELinux',
    refuse: only(false)('SELinux is not supported'),
  },
  {
    name: 'shutdown-timeout',
    type: 'integer',
    field: 'shutdownTimeout',
    reload: true,
    help: 'Seconds for requests to end at shutdown (default 15)',
  },
  {
    name: 'storage-driver',
    short: 's',
    type: 'string',
    field: 'storageDriver',
    help: 'Storage driver (overlay2)',
    refuse: only(
      '',
      'overlay2',
      'overlay-erofs',
      'overlay-folder',
    )('use overlay2 (or overlay-erofs, overlay-folder to choose how layers are kept)'),
  },
  { name: 'storage-opt', key: 'storage-opts', type: 'list', field: 'storageOpts', help: 'Storage options' },
  { name: 'swarm-default-advertise-addr', type: 'string', help: 'Swarm address', refuse: only('')(SWARM) },
  { name: 'tls', type: 'boolean', field: 'tls', help: 'Use TLS; implied by --tlsverify' },
  {
    name: 'tlscacert',
    type: 'string',
    field: 'tlsCaCert',
    help: `Clients' certificates must be signed by this CA (default "${join(certificates, 'ca.pem')}")`,
  },
  {
    name: 'tlscert',
    type: 'string',
    field: 'tlsCert',
    help: `TLS certificate (default "${join(certificates, 'cert.pem')}")`,
  },
  {
    name: 'tlskey',
    type: 'string',
    field: 'tlsKey',
    help: `TLS key (default "${join(certificates, 'key.pem')}")`,
  },
  {
    name: 'tlsverify',
    type: 'boolean',
    field: 'tlsVerify',
    help: 'Use TLS and demand a certificate of clients',
  },
  {
    name: 'userland-proxy',
    type: 'boolean',
    field: 'userlandProxy',
    help: 'Proxy for published ports on the loopback (default true)',
  },
  {
    name: 'userland-proxy-path',
    type: 'string',
    help: 'Proxy program',
    refuse: only('')('the built-in proxy is used'),
  },
  {
    name: 'userns-remap',
    type: 'string',
    field: 'usernsRemap',
    help: 'User namespace mapping of containers ("default", user[:group])',
  },
  { name: 'validate', type: 'boolean', flagOnly: true, help: 'Check the configuration and exit' },
  { name: 'version', short: 'v', type: 'boolean', flagOnly: true, help: 'Print the version and exit' },
];

export const DEFAULT_CONFIG_FILE = '/etc/berth/daemon.json';

/** What holds when neither a flag nor the file says otherwise. */
export const DEFAULTS = {
  dataRoot: '/var/lib/berth',
  execRoot: '/run/berth',
  pidfile: '/run/berth.pid',
  hosts: [] as string[],
  group: 'docker',
  debug: false,
  logLevel: 'info' as const,
  logFormat: 'text' as const,
  labels: [] as string[],
  tls: false,
  tlsVerify: false,
  tlsCaCert: join(certificates, 'ca.pem'),
  tlsCert: join(certificates, 'cert.pem'),
  tlsKey: join(certificates, 'key.pem'),
  storageDriver: '',
  storageOpts: [] as string[],
  logDriver: 'json-file',
  logOpts: {} as Record<string, string>,
  cgroupParent: '',
  defaultRuntime: 'runc',
  defaultShmSize: 64 * 1024 * 1024,
  defaultUlimits: {} as Record<string, { Name: string; Soft: number; Hard: number }>,
  defaultIpcMode: 'private',
  defaultCgroupnsMode: '',
  init: false,
  seccompProfile: 'builtin',
  noNewPrivileges: false,
  usernsRemap: '',
  shutdownTimeout: 15,
  liveRestore: false,
  insecureRegistries: [] as string[],
  registryMirrors: [] as string[],
  maxConcurrentDownloads: 3,
  maxConcurrentUploads: 5,
  maxDownloadAttempts: 5,
  httpProxy: '',
  httpsProxy: '',
  noProxy: '',
  bridge: '',
  bip: '',
  bip6: '',
  fixedCidr: '',
  fixedCidrV6: '',
  defaultGateway: '',
  defaultGatewayV6: '',
  defaultAddressPools: [] as Array<{ base: string; size: number }>,
  mtu: 1500,
  icc: true,
  ipForward: true,
  ipMasq: true,
  iptables: true,
  ip6tables: true,
  userlandProxy: true,
  ipv6: false,
  ip: '0.0.0.0',
  dns: [] as string[],
  dnsSearch: [] as string[],
  dnsOpts: [] as string[],
  hostGatewayIps: [] as string[],
  features: {} as Record<string, boolean>,
};
