import { availableParallelism, hostname, totalmem } from 'node:os';
import { nowNanos, rfc3339 } from '../base/time.ts';
import { VERSION } from '../base/version.ts';
import { driverNames } from '../logging/check.ts';
import type { Services } from '../services.ts';
import { daemonId } from './identity.ts';
import { kernelVersion, machineName, openFiles, operatingSystem, switchedOn } from './machine.ts';
import { registryConfig } from './registries.ts';

export type DaemonInfo = Awaited<ReturnType<typeof daemonInfo>>;

/** The reply of `/info`. */
export async function daemonInfo(rooms: Services) {
  const { settings, store, containers, images, runtime, layers } = rooms;
  const counts = containers.counts();
  const { SecurityOptions, DefaultCgroupnsMode: _, ...features } = runtime.info();
  const runtimes = await runtime.handlers.describe();
  const distribution = operatingSystem();
  const warnings = [...runtime.warnings(), ...insecureWarnings(rooms)];
  return {
    ID: daemonId(store),
    Containers: counts.total,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: images.list().length,
    Driver: 'overlay2',
    DriverStatus: [
      ['Layers', layers.driver],
      ['Supports d_type', 'true'],
      ['Using metacopy', 'false'],
      ['Native Overlay Diff', 'true'],
      ['userxattr', 'false'],
    ],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null'],
      Authorization: null,
      Log: driverNames(),
    },
    ...features,
    IPv4Forwarding: switchedOn('/proc/sys/net/ipv4/ip_forward'),
    BridgeNfIptables: switchedOn('/proc/sys/net/bridge/bridge-nf-call-iptables'),
    BridgeNfIp6tables: switchedOn('/proc/sys/net/bridge/bridge-nf-call-ip6tables'),
    Debug: settings.debug,
    NFd: openFiles(),
    NGoroutines: process.getActiveResourcesInfo().length,
    SystemTime: rfc3339(nowNanos()),
    LoggingDriver: settings.logDriver,
    CgroupDriver: runtime.cgroupDriver,
    CgroupVersion: String(runtime.cgroupVersion),
    NEventsListener: rooms.events.listeners(),
    KernelVersion: kernelVersion,
    OperatingSystem: distribution.name,
    OSVersion: distribution.version,
    OSType: 'linux',
    Architecture: machineName,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(settings),
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: settings.dataRoot,
    HttpProxy: withoutPassword(settings.httpProxy),
    HttpsProxy: withoutPassword(settings.httpsProxy),
    NoProxy: settings.noProxy,
    Name: hostname(),
    Labels: settings.labels,
    ExperimentalBuild: settings.experimental,
    ServerVersion: VERSION,
    Runtimes: runtimes,
    DefaultRuntime: runtime.handlers.default,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: settings.liveRestore,
    Isolation: '',
    InitBinary: 'berth-native',
    // dockerd's word for a program that is not there: containers need none of them.
    ContainerdCommit: { ID: 'N/A' },
    RuncCommit: { ID: 'N/A' },
    InitCommit: { ID: 'N/A' },
    SecurityOptions,
    ...(settings.defaultAddressPools.length > 0 && {
      DefaultAddressPools: settings.defaultAddressPools.map(({ base, size }) => ({ Base: base, Size: size })),
    }),
    FirewallBackend: { Driver: 'nftables' },
    CDISpecDirs: settings.cdiSpecDirs,
    DiscoveredDevices: (await runtime.cdi.devices()).map((ID) => ({ Source: 'cdi', ID })),
    Warnings: warnings.length > 0 ? warnings : null,
  };
}

function insecureWarnings({ settings }: Services): string[] {
  return settings.hosts
    .filter((host) => host.startsWith('tcp://') && !settings.tlsVerify)
    .map(
      (host) =>
        `WARNING: API is accessible on ${host.replace(/^tcp:/, settings.tls ? 'https:' : 'http:')} without ${settings.tls ? 'TLS client verification' : 'encryption'}.\n         Access to the remote API is equivalent to root access on the host. Refer\n         to the 'Docker daemon attack surface' section in the documentation for\n         more information: https://docs.docker.com/go/attack-surface/`,
    );
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//xxxxx:xxxxx@');
}
