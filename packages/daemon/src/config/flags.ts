import { join } from 'node:path';
import { CONTAINER_FLAGS } from './container-flags.ts';
import { certificates } from './defaults.ts';
import { type Flag, only } from './flag.ts';
import { NETWORK_FLAGS } from './network-flags.ts';
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
  { name: 'cri', type: 'boolean', field: 'cri', help: 'Serve the Container Runtime Interface (Kubernetes)' },
  {
    name: 'cri-socket',
    type: 'string',
    field: 'criSocket',
    help: 'Its address (default "unix:///run/berth/cri.sock")',
    refuse: (value) =>
      /^unix:\/\/\/./.test(String(value)) ? undefined : 'it must be unix:// and an absolute path',
  },
  {
    name: 'cri-network',
    type: 'string',
    field: 'criNetwork',
    help: 'Network of pods ("auto" | "cni" | "berth")',
    refuse: only('auto', 'cni', 'berth')('it must be auto, cni or berth'),
  },
  {
    name: 'cni-conf-dir',
    type: 'string',
    field: 'cniConfDir',
    help: 'Folder of CNI configurations (default "/etc/cni/net.d")',
  },
  {
    name: 'cni-bin-dir',
    type: 'list',
    field: 'cniBinDir',
    help: 'Folders of CNI plugins (default /opt/cni/bin and /usr/lib/cni)',
  },
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
    name: 'builder',
    type: 'map',
    field: 'builder',
    help: 'What builds may be granted; in the configuration file: {"entitlements": {"security-insecure": true}}',
    refuse: refuseBuilder,
    limit: `only entitlements, of which there are ${ENTITLEMENTS.join(' and ')}`,
  },
  {
    name: 'exec-root',
    type: 'string',
    field: 'execRoot',
    help: 'Folder of run-time state (default "/run/berth")',
  },
  { name: 'features', type: 'map', field: 'features', reload: true, help: 'Switch features on or off' },
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
  { name: 'http-proxy', type: 'string', field: 'httpProxy', help: 'Proxy for outgoing HTTP' },
  { name: 'https-proxy', type: 'string', field: 'httpsProxy', help: 'Proxy for outgoing HTTPS' },
  {
    name: 'insecure-registry',
    key: 'insecure-registries',
    type: 'list',
    field: 'insecureRegistries',
    reload: true,
    help: 'Registries that may speak plain HTTP or have unknown certificates',
  },
  {
    name: 'label',
    key: 'labels',
    type: 'list',
    field: 'labels',
    reload: true,
    help: 'Labels of the daemon (key=value)',
  },
  {
    name: 'experimental',
    type: 'boolean',
    field: 'experimental',
    help: 'Experimental features: checkpoints of containers',
  },
  {
    name: 'live-restore',
    type: 'boolean',
    field: 'liveRestore',
    reload: true,
    help: 'Containers outlive the daemon; they always do, `info` shows what was said here',
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
  { name: 'no-proxy', type: 'string', field: 'noProxy', help: 'Hosts that no proxy is used for' },
  {
    name: 'otlp-endpoint',
    type: 'string',
    field: 'otlpEndpoint',
    help: 'Collector that gets traces of API calls, starts, pulls and builds (OTLP over HTTP, such as http://127.0.0.1:4318)',
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
  { name: 'validate', type: 'boolean', flagOnly: true, help: 'Check the configuration and exit' },
  { name: 'version', short: 'v', type: 'boolean', flagOnly: true, help: 'Print the version and exit' },
];

/** The flags of berthd, by name: dockerd's names, short forms and configuration keys. */
export const FLAGS: Flag[] = [...APPLIED, ...CONTAINER_FLAGS, ...NETWORK_FLAGS, ...REFUSED].sort((a, b) =>
  a.name < b.name ? -1 : 1,
);
