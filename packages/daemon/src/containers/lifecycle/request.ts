import { join } from 'node:path';
import type { Settings } from '../../config/settings.ts';
import type { Layers } from '../../layers/api.ts';
import type { NetworkRequest, PortMap } from '../../networks/api.ts';
import type { PodJoin } from '../../pods/api.ts';
import type { Resources, RuntimeRequest } from '../../runtime/api.ts';
import { withProtocol } from '../create/config.ts';
import { mergeTmpfsOptions } from '../create/mounts.ts';
import type { Container } from '../model/container.ts';
import type { ContainerRecord, HostConfig, MountPoint } from '../model/types.ts';
import { badJoin } from './joins.ts';

/** The request to the networks room for a container. */
export function networkRequest(container: Pick<Container, 'record' | 'folder'>): NetworkRequest {
  const { record, folder } = container;
  const { config, hostConfig: host } = record;
  return {
    id: record.id,
    name: record.name,
    hostname: config.Hostname,
    domainname: config.Domainname,
    mode: config.NetworkDisabled ? 'none' : host.NetworkMode,
    endpoints: record.endpoints,
    macAddress: config.MacAddress,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).map(withProtocol),
    portBindings: bindings(host.PortBindings),
    publishAll: host.PublishAllPorts,
    dns: host.Dns ?? [],
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions ?? [],
    extraHosts: host.ExtraHosts ?? [],
    links: host.Links ?? [],
    folder,
    labels: config.Labels,
  };
}

function bindings(given: PortMap | null): PortMap {
  return Object.fromEntries(Object.entries(given ?? {}).map(([port, list]) => [withProtocol(port), list]));
}

/** The resource members of a HostConfig. */
export function resourcesOf(host: HostConfig): Resources {
  return {
    CpuShares: host.CpuShares,
    Memory: host.Memory,
    MemoryReservation: host.MemoryReservation,
    MemorySwap: host.MemorySwap,
    MemorySwappiness: host.MemorySwappiness,
    NanoCpus: host.NanoCpus,
    CpuPeriod: host.CpuPeriod,
    CpuQuota: host.CpuQuota,
    CpuRealtimePeriod: host.CpuRealtimePeriod,
    CpuRealtimeRuntime: host.CpuRealtimeRuntime,
    CpusetCpus: host.CpusetCpus,
    CpusetMems: host.CpusetMems,
    PidsLimit: host.PidsLimit,
    OomKillDisable: host.OomKillDisable,
    BlkioWeight: host.BlkioWeight,
    BlkioWeightDevice: host.BlkioWeightDevice,
    BlkioDeviceReadBps: host.BlkioDeviceReadBps,
    BlkioDeviceWriteBps: host.BlkioDeviceWriteBps,
    BlkioDeviceReadIOps: host.BlkioDeviceReadIOps,
    BlkioDeviceWriteIOps: host.BlkioDeviceWriteIOps,
    CgroupParent: host.CgroupParent,
  };
}

/** Settings of limits that stand for "as many as you like" where they are not 0. */
const UNLIMITED: Partial<HostConfig> = {
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
};
const DISCARDED = [
  ...(Object.keys(UNLIMITED) as Array<keyof typeof UNLIMITED>),
  'MemoryReservation',
  'CpuShares',
  'BlkioWeight',
] as const;

/** A limit that this kernel can't apply, and that was warned of, is not kept either. */
export function discardUnsupported(host: HostConfig, supported: Resources): void {
  for (const member of DISCARDED) {
    if (!host[member] || member in supported) continue;
    Object.assign(host, { [member]: member in UNLIMITED ? UNLIMITED[member] : 0 });
  }
}

/** The part of a request that the runtime checks at create. */
export function checkable(host: HostConfig) {
  return {
    resources: resourcesOf(host),
    sysctls: host.Sysctls ?? {},
    capAdd: host.CapAdd ?? [],
    capDrop: host.CapDrop ?? [],
    securityOpt: host.SecurityOpt ?? [],
    ulimits: host.Ulimits ?? [],
    devices: host.Devices ?? [],
    deviceCgroupRules: host.DeviceCgroupRules ?? [],
    privileged: host.Privileged,
    networkMode: host.NetworkMode,
  };
}

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The environment of a container's process: defaults, those of a terminal where it has one, then the configuration's
 * variables over them; a name without `=` takes one away.
 */
export function environment(
  { config }: ContainerRecord,
  hostname: string,
  links: readonly string[] = [],
  terminal = config.Tty,
): string[] {
  const variables = new Map<string, string>([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', `HOSTNAME=${hostname}`],
  ]);
  if (terminal) variables.set('TERM', 'TERM=xterm');
  overlayEnvironment(variables, [...links]);
  overlayEnvironment(variables, config.Env ?? []);
  return [...variables.values()];
}

/** Puts `NAME=value` entries over a set of variables. */
export function overlayEnvironment(variables: Map<string, string>, entries: string[]): void {
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals === -1) variables.delete(entry);
    else variables.set(entry.slice(0, equals), entry);
  }
}

/** Ulimits of the container over those of the daemon. */
function ulimits(host: HostConfig, settings: Settings): RuntimeRequest['ulimits'] {
  const own = host.Ulimits ?? [];
  const defaults = Object.values(settings.defaultUlimits).filter(
    ({ Name }) => !own.some((limit) => limit.Name === Name),
  );
  return [...own, ...defaults];
}

/** Whether a container has a user namespace of its own. */
export const isRemapped = (host: HostConfig, settings: Settings): boolean =>
  settings.usernsRemap !== '' && host.UsernsMode !== 'host' && !host.Privileged;

/** Where a joined container's namespaces and files are. */
export interface Joined {
  network?: { pid: number; folder: string; Hostname: string; Domainname: string };
  pod?: PodJoin;
  pid?: number;
  ipc?: number;
  /** Variables that tell of linked containers. */
  links?: string[];
}

/**
 * All that the runtime needs for a start, without the root filesystem, which the layers room knows.
 * @throws system for options of a tmpfs that are not known.
 */
export function runtimeRequest(
  container: Container,
  settings: Settings,
  rootFilesystem: RuntimeRequest['rootFilesystem'],
  networkPath: string,
  joined: Joined,
  layers: Pick<Layers, 'lower'>,
): RuntimeRequest {
  const { record, folder } = container;
  const { config, hostConfig: host } = record;
  const files = joined.pod?.folder ?? joined.network?.folder ?? folder;
  const taken = new Set([
    ...record.mounts.map(({ Destination }) => Destination),
    ...Object.keys(host.Tmpfs ?? {}),
  ]);
  return {
    id: record.id,
    rootFilesystem,
    readonlyRootfs: host.ReadonlyRootfs,
    args: [record.path, ...record.args],
    env: environment(record, config.Hostname, joined.links),
    cwd: config.WorkingDir || '/',
    user: config.User,
    groupAdd: host.GroupAdd ?? [],
    tty: config.Tty,
    ...(config.Tty && host.ConsoleSize[0] > 0 && { consoleSize: host.ConsoleSize }),
    hostname: config.Hostname,
    domainname: config.Domainname,
    init: host.Init ?? settings.init,
    privileged: host.Privileged,
    capAdd: host.CapAdd ?? [],
    capDrop: host.CapDrop ?? [],
    ...(record.pod && { capAmbient: record.pod.capAmbient, groupsPolicy: record.pod.groupsPolicy }),
    securityOpt: host.SecurityOpt ?? [],
    maskedPaths: host.MaskedPaths ?? [],
    readonlyPaths: host.ReadonlyPaths ?? [],
    ulimits: ulimits(host, settings),
    sysctls: host.Sysctls ?? {},
    resources: {
      ...resourcesOf(host),
      CgroupParent: host.CgroupParent || settings.cgroupParent,
      ...(record.pod && { Unified: record.pod.unified, HugepageLimits: record.pod.hugepages }),
    },
    oomScoreAdj: host.OomScoreAdj,
    shmSize: host.ShmSize,
    devices: host.Devices ?? [],
    deviceCgroupRules: host.DeviceCgroupRules ?? [],
    mounts: mounts(record, layers),
    networkFiles: ['resolv.conf', 'hostname', 'hosts']
      .map((name) => ({ source: join(files, name), destination: `/etc/${name}` }))
      .filter(({ destination }) => !taken.has(destination)),
    namespaces: {
      network: networkPath,
      pid: joined.pid ? `/proc/${joined.pid}/ns/pid` : host.PidMode === 'host' ? 'host' : 'private',
      ipc: joined.ipc ? `/proc/${joined.ipc}/ns/ipc` : host.IpcMode,
      uts: host.UTSMode === 'host' ? 'host' : 'private',
      cgroup: host.CgroupnsMode,
      user: isRemapped(host, settings) ? 'private' : 'host',
      ...(joined.ipc && { shmPath: `/proc/${joined.ipc}/root/dev/shm` }),
      ...(joined.pod && podNamespaces(record, joined.pod, joined.pid)),
    },
    annotations: host.Annotations ?? {},
  };
}

/** A pod's namespaces in the place of a container's own. */
function podNamespaces({ hostConfig, pod: member }: ContainerRecord, pod: PodJoin, target?: number) {
  const ofPod = hostConfig.PidMode === `container:${member?.id}`;
  return {
    ofPod: true,
    network: pod.network,
    ipc: pod.ipc,
    uts: pod.uts,
    ...(ofPod && target === undefined && { pid: pod.pid }),
    user: pod.user || 'host',
    ...(pod.shm && { shmPath: pod.shm }),
  };
}

function mounts(
  { mounts: points, hostConfig: host, pod }: ContainerRecord,
  layers: Pick<Layers, 'lower'>,
): RuntimeRequest['mounts'] {
  const list: RuntimeRequest['mounts'] = points.map((point) => {
    if (point.Type === 'tmpfs') return tmpfs(point.Destination, point.tmpfs ?? '');
    if (point.image)
      return {
        type: 'image',
        source: point.image.name,
        lower: layers.lower(point.image.layers),
        ...(point.subpath && { subpath: point.subpath }),
        destination: point.Destination,
        readonly: true,
        options: [],
      };
    return { ...bindRequest(point), ...(pod?.idmapped.includes(point.Destination) && { idmap: true }) };
  });
  for (const [destination, options] of Object.entries(host.Tmpfs ?? {}))
    list.push(tmpfs(destination, options));
  return list;
}

/** A bind, or a volume, as the runtime takes it. */
export function bindRequest(point: MountPoint): RuntimeRequest['mounts'][number] {
  const options = [point.nonRecursive ? 'bind' : 'rbind'];
  if (point.readOnlyNonRecursive) options.push('ro-nonrecursive');
  if (point.readOnlyForceRecursive) options.push('ro-force-recursive');
  return {
    type: 'bind',
    source: point.Source,
    ...(point.subpath && { subpath: point.subpath }),
    destination: point.Destination,
    readonly: !point.RW,
    options,
    ...(point.Propagation && { propagation: point.Propagation }),
  };
}

function tmpfs(destination: string, asked: string): RuntimeRequest['mounts'][number] {
  const options = mergeTmpfsOptions(asked);
  return { type: 'tmpfs', destination, readonly: options.includes('ro'), options };
}

/** Finds the containers whose namespaces are to be shared. @throws as `badJoin` tells. */
export function resolveJoins(record: ContainerRecord, lookup: (reference: string) => Container): Joined {
  const { NetworkMode, PidMode, IpcMode } = record.hostConfig;
  const joined: Joined = {};
  const target = (mode: string) =>
    mode.startsWith('container:') && mode !== `container:${record.pod?.id}`
      ? lookup(mode.slice('container:'.length))
      : undefined;
  const network = target(NetworkMode);
  if (network) {
    if (network.id === record.id) throw badJoin.self();
    if (!network.alive) throw badJoin.network(network.id, network.state.status);
    // The other may itself share a third one's: the files are those of the namespace's owner.
    let owner = network;
    for (
      let next = target(owner.record.hostConfig.NetworkMode);
      next;
      next = target(owner.record.hostConfig.NetworkMode)
    )
      owner = next;
    const { Hostname, Domainname } = network.record.config;
    joined.network = { pid: network.state.pid, folder: owner.folder, Hostname, Domainname };
  }
  const pid = target(PidMode);
  if (pid) {
    if (!pid.alive) throw badJoin.pid(pid.id);
    joined.pid = pid.state.pid;
  }
  const ipc = target(IpcMode);
  if (ipc) {
    if (!ipc.alive) throw badJoin.ipc(ipc.id);
    if (!['shareable', 'host'].includes(ipc.record.hostConfig.IpcMode)) throw badJoin.ipcPrivate(ipc.id);
    joined.ipc = ipc.state.pid;
  }
  return joined;
}
