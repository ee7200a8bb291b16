import { join } from 'node:path';
import { certificates } from './defaults.ts';
import { type Flag, only } from './flag.ts';
import { REFUSED } from './refused-flags.ts';

const ENTITLEMENTS = ['network-host', 'security-insecure'];

function refuseBuilder(value: unknown): string | undefined {
  const { entitlements = {}, ...others } = value as { entitlements?: Record<string, unknown> };
  const [other] = Object.keys(others);
  if (other !== undefined) return `${other} is not an option of the builder here`;
  if (entitlements === null || typeof entitlements !== 'object') return 'entitlements must be an object';
  const wrong = Object.entries(entitlements).find(
    ([name, granted]) => !ENTITLEMENTS.includes(name) || typeof granted !== 'boolean',
  );
  return wrong && `${wrong[0]} is not one of ${ENTITLEMENTS.join(', ')} with true or false`;
}

const APPLIED: Flag[] = [
  {
    name: 'add-runtime',
    key: 'runtimes',
    type: 'runtimes',
    field: 'runtimes',
    reload: true,
    help: 'Register an OCI runtime (NAME=PATH), to be chosen by its name',
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
  { name: 'cgroup-parent', type: 'string', field: 'cgroupParent', help: 'Parent cgroup of all containers' },
  {
    name: 'config-file',
    type: 'string',
    flagOnly: true,
    help: 'Configuration file (default "/etc/berth/daemon.json")',
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
    name: 'default-network-opt',
    key: 'default-network-opts',
    type: 'maps',
    field: 'defaultNetworkOpts',
    help: 'Options of new networks of a driver (DRIVER=OPTION=VALUE)',
  },
  {
    name: 'builder',
    type: 'map',
    field: 'builder',
    help: 'What builds may be granted; in the configuration file: {"entitlements": {"security-insecure": true}}',
    refuse: refuseBuilder,
    limit: `only entitlements, of which there are ${ENTITLEMENTS.join(' and ')}`,
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
    name: 'exec-root',
    type: 'string',
    field: 'execRoot',
    help: 'Folder of run-time state (default "/run/berth")',
  },
  {
    name: 'cdi-spec-dir',
    key: 'cdi-spec-dirs',
    type: 'list',
    field: 'cdiSpecDirs',
    help: 'Folders of CDI specifications (default /etc/cdi and /var/run/cdi)',
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
    field: 'metricsAddr',
    help: 'Address (ADDRESS:PORT) that serves metrics for Prometheus; the API has them at /metrics',
  },
  { name: 'mtu', type: 'integer', field: 'mtu', help: 'MTU of the default bridge (default 1500)' },
  {
    name: 'no-new-privileges',
    type: 'boolean',
    field: 'noNewPrivileges',
    help: 'Set no-new-privileges in new containers',
  },
  { name: 'no-proxy', type: 'string', field: 'noProxy', help: 'Hosts that no proxy is used for' },
  {
    name: 'otlp-endpoint',
    type: 'string',
    field: 'otlpEndpoint',
    help: 'Collector that gets traces of API calls and starts (OTLP over HTTP, such as http://127.0.0.1:4318)',
    refuse: (value) =>
      value === '' || /^https?:\/\/\S+$/.test(String(value))
        ? undefined
        : 'it must be an http:// or https:// URL',
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
  {
    name: 'seccomp-profile',
    type: 'string',
    field: 'seccompProfile',
    help: 'Seccomp profile of containers ("builtin", "unconfined" or a file)',
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
    name: 'userns-remap',
    type: 'string',
    field: 'usernsRemap',
    help: 'User namespace mapping of containers ("default", user[:group])',
  },
  { name: 'validate', type: 'boolean', flagOnly: true, help: 'Check the configuration and exit' },
  { name: 'version', short: 'v', type: 'boolean', flagOnly: true, help: 'Print the version and exit' },
];

/** The flags of berthd, by name: dockerd's names, short forms and configuration keys. */
export const FLAGS: Flag[] = [...APPLIED, ...REFUSED].sort((a, b) => (a.name < b.name ? -1 : 1));
