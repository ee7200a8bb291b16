import { join } from 'node:path';
import type { Settings } from '../../config/settings.ts';
import type { Layers } from '../../layers/api.ts';
import type { NetworkRequest, PortMap } from '../../networks/api.ts';
import type { PodJoin } from '../../pods/api.ts';
import type { RuntimeRequest } from '../../runtime/api.ts';
import { withProtocol } from '../create/config.ts';
import { isRemapped } from '../create/hostconfig-checks.ts';
import type { Container } from '../model/container.ts';
import type { ContainerRecord, HostConfig } from '../model/types.ts';
import { environment } from './environment.ts';
import type { Joined } from './joins.ts';
import { resourcesOf } from './limits.ts';
import { mountRequests } from './mount-requests.ts';

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
    anySubnet: record.anySubnet ?? false,
  };
}

function bindings(given: PortMap | null): PortMap {
  return Object.fromEntries(Object.entries(given ?? {}).map(([port, list]) => [withProtocol(port), list]));
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

/** Ulimits of the container over those of the daemon. */
function ulimits(host: HostConfig, settings: Settings): RuntimeRequest['ulimits'] {
  const own = host.Ulimits ?? [];
  const defaults = Object.values(settings.defaultUlimits).filter(
    ({ Name }) => !own.some((limit) => limit.Name === Name),
  );
  return [...own, ...defaults];
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
    mounts: mountRequests(record, layers),
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
