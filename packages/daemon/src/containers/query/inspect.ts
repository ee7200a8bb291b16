import { join } from 'node:path';
import { NEVER } from '../../base/time.ts';
import type { EndpointSettings, NetworkState } from '../../networks/api.ts';
import { bridgeLinks } from '../lifecycle/links.ts';
import { logPath } from '../lifecycle/start.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';
import type { ContainerInspect, ShownMount, ShownNetworks, ShownState } from '../model/shown.ts';
import type { ContainerRecord, Health, LifeState, MountPoint } from '../model/types.ts';

/** A mount as the API shows it. */
export function shownMount(point: MountPoint): ShownMount {
  const { Type, Name, Source, Destination, Driver, Mode, RW, Propagation } = point;
  return {
    Type,
    ...(Type === 'volume' && { Name: Name ?? '' }),
    ...(point.image && { Name: point.image.name }),
    Source,
    Destination,
    ...(Type === 'volume' && { Driver: Driver ?? 'local' }),
    Mode,
    RW,
    Propagation,
  };
}

function shownState(state: LifeState, health: Health | undefined): ShownState {
  const { status } = state;
  return {
    Status: status,
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(health && { Health: health }),
  };
}

const EMPTY_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

/** The network state of a container that the networks room does not know: one that shares another's network. */
export const NO_NETWORK: NetworkState = Object.freeze({
  endpoints: {},
  ports: {},
  sandboxId: '',
  sandboxKey: '',
});

/** The networks of a container: effective where it has been attached, else as they were asked for. */
export function endpointsOf(
  record: ContainerRecord,
  network: NetworkState,
): Record<string, EndpointSettings> {
  if (record.hostConfig.NetworkMode.startsWith('container:') || record.config.NetworkDisabled) return {};
  if (network !== NO_NETWORK) return network.endpoints;
  const names = Object.keys(record.endpoints);
  const asked = names.length > 0 ? names : [record.hostConfig.NetworkMode];
  return Object.fromEntries(
    asked.map((name) => [name, { ...EMPTY_ENDPOINT, ...record.endpoints[name] } as EndpointSettings]),
  );
}

function networkSettings(record: ContainerRecord, network: NetworkState): ShownNetworks {
  const networks = endpointsOf(record, network);
  // The default bridge's members stand at the top as well, for clients from before networks.
  const top = networks['bridge'];
  return {
    Bridge: '',
    SandboxID: network.sandboxId,
    SandboxKey: network.sandboxKey,
    Ports: network.ports,
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: top?.EndpointID ?? '',
    Gateway: top?.Gateway ?? '',
    GlobalIPv6Address: top?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: top?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: top?.IPAddress ?? '',
    IPPrefixLen: top?.IPPrefixLen ?? 0,
    IPv6Gateway: top?.IPv6Gateway ?? '',
    MacAddress: top?.MacAddress ?? '',
    Networks: networks,
  };
}

/** The paths of the files that are mounted under /etc; empty before the first start. */
export function files(
  context: Context,
  container: Container,
): Record<'hosts' | 'hostname' | 'resolv.conf', string> {
  const { record, state, folder } = container;
  if (state.startedAt === NEVER && state.error === '') return { hosts: '', hostname: '', 'resolv.conf': '' };
  const mode = record.hostConfig.NetworkMode;
  const owner = mode.startsWith('container:')
    ? (context.registry.byFullId(mode.slice('container:'.length))?.folder ?? folder)
    : folder;
  return {
    hosts: join(owner, 'hosts'),
    hostname: join(owner, 'hostname'),
    'resolv.conf': join(owner, 'resolv.conf'),
  };
}

/** A container as GET /containers/{id}/json gives it in the newest version. */
export function inspectContainer(
  context: Context,
  container: Container,
  size: { rw: number; rootFs: number } | undefined,
): ContainerInspect {
  const { record, state, health, network } = container.snapshot();
  const paths = files(context, container);
  const started = state.startedAt !== NEVER || state.error !== '';
  const manifest = context.rooms.images.manifest(record.imageId);
  const execs = [...container.execs.values()].filter((exec) => exec.exitCode === null).map(({ id }) => id);
  return {
    Id: record.id,
    Created: record.created,
    Path: record.path,
    Args: record.args,
    State: shownState(state, health),
    Image: record.imageId,
    ResolvConfPath: paths['resolv.conf'],
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: started && record.hostConfig.LogConfig.Type === 'json-file' ? logPath(context, container) : '',
    ...(manifest && { ImageManifestDescriptor: manifest }),
    Name: `/${record.name}`,
    RestartCount: state.restartCount,
    Driver: 'overlay2',
    Platform: record.platform,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: appArmorProfile(context, record, started),
    ExecIDs: execs.length > 0 ? execs : null,
    HostConfig: shownHostConfig(context, record),
    GraphDriver: graphDriver(context, container),
    ...(size && { SizeRw: size.rw, SizeRootFs: size.rootFs }),
    Mounts: record.mounts.map(shownMount),
    Config: configOf(record),
    NetworkSettings: networkSettings(record, network),
  };
}

/**
 * Links that are the host configuration's are those of the default bridge, with both names in full; others are the
 * network's.
 */
function shownHostConfig({ registry }: Context, record: ContainerRecord): ContainerRecord['hostConfig'] {
  const { name, hostConfig } = record;
  if (!hostConfig.Links) return hostConfig;
  const shown = bridgeLinks(record).flatMap(({ target, alias }) => {
    const other = registry.find(target);
    return other ? [`/${other.record.name}:/${name}/${alias}`] : [];
  });
  return { ...hostConfig, Links: shown.length > 0 ? shown : null };
}

/** The profile that holds since the start; before it, and on a machine without AppArmor, the one that was asked for. */
function appArmorProfile({ rooms }: Context, { hostConfig }: ContainerRecord, started: boolean): string {
  const { Privileged: privileged } = hostConfig;
  const securityOpt = hostConfig.SecurityOpt ?? [];
  const holds = started ? rooms.runtime.apparmorProfile({ privileged, securityOpt }) : '';
  const asked = securityOpt.findLast((option) => /^apparmor[=:]/.test(option))?.slice('apparmor='.length);
  return holds || asked || '';
}

/** The configuration; the MAC address asked for on the main network shows there as well, as older clients look for it. */
function configOf({ config, endpoints, hostConfig }: ContainerRecord): ContainerRecord['config'] {
  const { NetworkMode: mode } = hostConfig;
  const { MacAddress: asked, ...others } = config;
  const MacAddress = asked || endpoints[mode]?.MacAddress;
  // These have no link of the container's own.
  return MacAddress && mode !== 'host' && mode !== 'none' ? { ...config, MacAddress } : others;
}

function graphDriver(context: Context, container: Container): ContainerInspect['GraphDriver'] {
  try {
    const root = context.rooms.layers.rootFilesystem(container.id);
    return {
      Data: {
        LowerDir: root.lower.map((lower) => (lower.kind === 'erofs' ? lower.image : lower.path)).join(':'),
        // It is mounted in the container's own namespace: while that runs, this leads there.
        MergedDir: container.state.pid > 0 ? `/proc/${container.state.pid}/root` : '',
        UpperDir: root.upper,
        WorkDir: root.work,
      },
      Name: 'overlay2',
    };
  } catch {
    return { Data: null, Name: 'overlay2' };
  }
}
