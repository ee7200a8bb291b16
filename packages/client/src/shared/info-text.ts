import { binarySize } from '../format/sizes.ts';

/** The members of the daemon's information about itself and its machine that are shown. */
export interface ServerInfo {
  ID: string;
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Driver: string;
  DriverStatus?: string[][] | null;
  Plugins: {
    Volume?: string[] | null;
    Network?: string[] | null;
    Authorization?: string[] | null;
    Log?: string[] | null;
  };
  LoggingDriver?: string;
  CgroupDriver?: string;
  CgroupVersion?: string;
  CDISpecDirs?: string[] | null;
  Swarm?: { LocalNodeState?: string };
  Runtimes?: Record<string, unknown> | null;
  DefaultRuntime?: string;
  InitBinary?: string;
  ContainerdCommit?: Commit;
  RuncCommit?: Commit;
  InitCommit?: Commit;
  SecurityOptions?: string[] | null;
  KernelVersion?: string;
  OperatingSystem?: string;
  OSType?: string;
  Architecture?: string;
  NCPU: number;
  MemTotal: number;
  Name?: string;
  DockerRootDir?: string;
  Debug: boolean;
  NFd?: number;
  NGoroutines?: number;
  SystemTime?: string;
  NEventsListener?: number;
  HttpProxy?: string;
  HttpsProxy?: string;
  NoProxy?: string;
  IndexServerAddress?: string;
  Labels?: string[] | null;
  ExperimentalBuild?: boolean;
  ServerVersion?: string;
  RegistryConfig?: {
    InsecureRegistryCIDRs?: string[] | null;
    IndexConfigs?: Record<string, { Name: string; Secure: boolean }> | null;
    Mirrors?: string[] | null;
  } | null;
  LiveRestoreEnabled?: boolean;
  DefaultAddressPools?: { Base: string; Size: number }[] | null;
  Warnings?: string[] | null;
}

interface Commit {
  ID?: string;
  Expected?: string;
}

/** `name=seccomp,profile=builtin` as lines. */
function securityOption(option: string): string[] {
  const lines: string[] = [];
  for (const part of option.split(',')) {
    const [key, value] = part.split('=', 2) as [string, string | undefined];
    if (key === 'name') lines.push(`  ${value}`);
    else if (value !== undefined) lines.push(`   ${key === 'profile' ? 'Profile' : key}: ${value}`);
  }
  return lines;
}

const commit = (name: string, { ID = '', Expected = ID }: Commit = {}): string =>
  ` ${name} version: ${ID}${ID === Expected ? '' : ` (expected: ${Expected})`}`;

/** The part of `info` about the daemon, line by line as Docker's client has it. */
export function serverText(info: ServerInfo, user: string): string {
  const lines: string[] = [];
  const value = (name: string, text: string | number | boolean | undefined): void => {
    if (text !== undefined && text !== '') lines.push(` ${name}: ${text}`);
  };
  const list = (name: string, items: readonly string[] | null | undefined, indent = '  '): void => {
    if (items?.length) lines.push(` ${name}:`, ...items.map((item) => indent + item));
  };
  lines.push(
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
  );
  value('Server Version', info.ServerVersion);
  value('Storage Driver', info.Driver);
  for (const [name, text] of info.DriverStatus ?? []) lines.push(`  ${name}: ${text}`);
  value('Logging Driver', info.LoggingDriver);
  value('Cgroup Driver', info.CgroupDriver);
  value('Cgroup Version', info.CgroupVersion);
  const plugins = (names: string[] | null | undefined): string => (names ?? []).join(' ');
  lines.push(
    ' Plugins:',
    `  Volume: ${plugins(info.Plugins.Volume)}`,
    `  Network: ${plugins(info.Plugins.Network)}`,
  );
  if (info.Plugins.Authorization?.length)
    lines.push(`  Authorization: ${plugins(info.Plugins.Authorization)}`);
  lines.push(`  Log: ${plugins(info.Plugins.Log)}`);
  list('CDI spec directories', info.CDISpecDirs);
  value('Swarm', info.Swarm?.LocalNodeState);
  const runtimes = Object.keys(info.Runtimes ?? {}).sort();
  if (runtimes.length)
    lines.push(` Runtimes: ${runtimes.join(' ')}`, ` Default Runtime: ${info.DefaultRuntime ?? ''}`);
  if (info.OSType === 'linux') {
    value('Init Binary', info.InitBinary);
    lines.push(
      commit('containerd', info.ContainerdCommit),
      commit('runc', info.RuncCommit),
      commit('init', info.InitCommit),
    );
    const security = (info.SecurityOptions ?? []).flatMap(securityOption);
    list('Security Options', security, '');
  }
  value('Kernel Version', info.KernelVersion);
  value('Operating System', info.OperatingSystem);
  value('OSType', info.OSType);
  value('Architecture', info.Architecture);
  value('CPUs', info.NCPU);
  value('Total Memory', binarySize(info.MemTotal));
  value('Name', info.Name);
  value('ID', info.ID);
  value('Docker Root Dir', info.DockerRootDir);
  value('Debug Mode', info.Debug);
  if (info.Debug)
    lines.push(
      `  File Descriptors: ${info.NFd ?? 0}`,
      `  Goroutines: ${info.NGoroutines ?? 0}`,
      `  System Time: ${info.SystemTime ?? ''}`,
      `  EventsListeners: ${info.NEventsListener ?? 0}`,
    );
  value('HTTP Proxy', info.HttpProxy);
  value('HTTPS Proxy', info.HttpsProxy);
  value('No Proxy', info.NoProxy);
  value('Username', user);
  list('Labels', info.Labels);
  value('Experimental', info.ExperimentalBuild ?? false);
  const registry = info.RegistryConfig;
  list('Insecure Registries', [
    ...Object.values(registry?.IndexConfigs ?? {}).flatMap(({ Name, Secure }) => (Secure ? [] : [Name])),
    ...(registry?.InsecureRegistryCIDRs ?? []),
  ]);
  list('Registry Mirrors', registry?.Mirrors);
  value('Live Restore Enabled', info.LiveRestoreEnabled ?? false);
  list(
    'Default Address Pools',
    (info.DefaultAddressPools ?? []).map(({ Base, Size }) => `Base: ${Base}, Size: ${Size}`),
    '   ',
  );
  return `${lines.join('\n')}\n`;
}
