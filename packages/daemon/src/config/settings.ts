/** An OCI runtime: its program, and the arguments that come before its commands. */
export interface RuntimeSettings {
  path: string;
  runtimeArgs: string[];
}

/** The settings of berthd: its flags and configuration file, with defaults filled in (see `config/options.ts`). */
export interface Settings {
  dataRoot: string;
  execRoot: string;
  pidfile: string;
  hosts: string[];
  group: string;
  debug: boolean;
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  logFormat: 'text' | 'json';
  labels: string[];
  tls: boolean;
  tlsVerify: boolean;
  tlsCaCert: string;
  tlsCert: string;
  tlsKey: string;
  storageDriver: string;
  storageOpts: string[];
  /** Folders of specifications of devices (CDI); the later ones go before. */
  cdiSpecDirs: string[];
  logDriver: string;
  logOpts: Record<string, string>;
  cgroupParent: string;
  /** '': Berth's own, under the name that clients expect (runtime/oci/handlers.ts). */
  defaultRuntime: string;
  /** OCI runtimes besides Berth's own, by the names that clients choose them by. */
  runtimes: Record<string, RuntimeSettings>;
  defaultShmSize: number;
  defaultUlimits: Record<string, { Name: string; Soft: number; Hard: number }>;
  defaultIpcMode: string;
  defaultCgroupnsMode: string;
  /** The Container Runtime Interface is served, at that address. */
  cri: boolean;
  criSocket: string;
  /** The provider of pods' networks: `berth`: our own bridge, `cni`: plugins, `auto`: plugins where they are configured. */
  criNetwork: string;
  cniConfDir: string;
  cniBinDir: string[];
  init: boolean;
  seccompProfile: string;
  noNewPrivileges: boolean;
  usernsRemap: string;
  shutdownTimeout: number;
  experimental: boolean;
  liveRestore: boolean;
  insecureRegistries: string[];
  registryMirrors: string[];
  maxConcurrentDownloads: number;
  maxConcurrentUploads: number;
  maxDownloadAttempts: number;
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
  bridge: string;
  bip: string;
  bip6: string;
  fixedCidr: string;
  fixedCidrV6: string;
  defaultGateway: string;
  defaultGatewayV6: string;
  /** Published ports are reached at the containers' own addresses too. */
  allowDirectRouting: boolean;
  defaultAddressPools: Array<{ base: string; size: number }>;
  /** Options of new networks that they do not give themselves, by driver. */
  defaultNetworkOpts: Record<string, Record<string, string>>;
  mtu: number;
  icc: boolean;
  ipForward: boolean;
  ipMasq: boolean;
  iptables: boolean;
  ip6tables: boolean;
  userlandProxy: boolean;
  ipv6: boolean;
  ip: string;
  dns: string[];
  dnsSearch: string[];
  dnsOpts: string[];
  hostGatewayIps: string[];
  /** ADDRESS:PORT; empty: metrics are served by the API alone. */
  metricsAddr: string;
  /** URL of an OpenTelemetry collector; empty: nothing is traced. */
  otlpEndpoint: string;
  features: Record<string, boolean>;
  /**
   * The entitlements a build may ask for (`--allow`); network-host is granted where nothing is said, as dockerd does.
   */
  builder: { entitlements?: Record<string, boolean> };
}
