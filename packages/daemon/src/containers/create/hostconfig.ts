import type { Settings } from '../../config/settings.ts';
import { isCacheOption } from '../../logging/check.ts';
import type { PortMap } from '../../networks/api.ts';
import { maskedPaths, READONLY_PATHS } from '../../runtime/index.ts';
import type { HostConfig, MountSpec, RestartPolicy } from '../model/types.ts';
import { device, deviceRequest, mountSpec, throttleDevice, ulimit, weightDevice } from './member-order.ts';

type Body = Record<string, unknown>;

/** The defaults that depend on the machine. */
export interface HostDefaults {
  settings: Settings;
  cgroupVersion: 1 | 2;
  /** The name of the runtime of containers that name none. */
  runtime: string;
  /** On cgroup v1 a container that names no cgroup namespace shares the host's. */
  hostCgroupnsOnV1: boolean;
}

/**
 * The whole HostConfig, defaults filled in, members as inspect shows them. Absent lists stay null, as dockerd leaves
 * them.
 */
export function fillHostConfig(body: Body, defaults: HostDefaults): HostConfig {
  const { settings } = defaults;
  const text = (name: string) => (typeof body[name] === 'string' ? (body[name] as string) : '');
  const number = (name: string) => (typeof body[name] === 'number' ? (body[name] as number) : 0);
  const flag = (name: string) => body[name] === true;
  const list = <T>(name: string) => (Array.isArray(body[name]) ? (body[name] as T[]) : null);
  const map = <T>(name: string) => body[name] as Record<string, T> | undefined;
  const filled = <T>(name: string) =>
    Object.keys(map<T>(name) ?? {}).length > 0 ? { [name]: map<T>(name) } : {};

  const privileged = flag('Privileged');
  const memory = number('Memory');
  const memorySwap = number('MemorySwap');
  const logConfig = (body['LogConfig'] ?? {}) as { Type?: string; Config?: Record<string, string> };
  const restart = (body['RestartPolicy'] ?? {}) as Partial<RestartPolicy>;
  const mode = text('NetworkMode');
  const pids = body['PidsLimit'];
  const swappiness = body['MemorySwappiness'];
  const logType = logConfig.Type || settings.logDriver;
  return {
    Binds: list('Binds'),
    ContainerIDFile: text('ContainerIDFile'),
    LogConfig: {
      Type: logType,
      Config: { ...daemonLogOptions(logType, settings), ...logConfig.Config },
    },
    NetworkMode: mode === '' || mode === 'default' ? (settings.bridge === 'none' ? 'none' : 'bridge') : mode,
    PortBindings: portBindings(body['PortBindings'] as PortMap | undefined),
    RestartPolicy: { Name: restart.Name || 'no', MaximumRetryCount: restart.MaximumRetryCount ?? 0 },
    AutoRemove: flag('AutoRemove'),
    VolumeDriver: text('VolumeDriver'),
    VolumesFrom: list('VolumesFrom'),
    ConsoleSize: (list<number>('ConsoleSize') as [number, number] | null) ?? [0, 0],
    ...filled('Annotations'),
    CapAdd: list('CapAdd'),
    CapDrop: list('CapDrop'),
    CgroupnsMode: text('CgroupnsMode') || cgroupnsDefault(privileged, defaults),
    Dns: list('Dns'),
    DnsOptions: list('DnsOptions'),
    DnsSearch: list('DnsSearch'),
    ExtraHosts: list('ExtraHosts'),
    GroupAdd: list('GroupAdd'),
    IpcMode: text('IpcMode') || settings.defaultIpcMode || 'private',
    Cgroup: text('Cgroup'),
    Links: list('Links'),
    OomScoreAdj: number('OomScoreAdj'),
    PidMode: text('PidMode'),
    Privileged: privileged,
    PublishAllPorts: flag('PublishAllPorts'),
    ReadonlyRootfs: flag('ReadonlyRootfs'),
    SecurityOpt: securityOptions(
      list('SecurityOpt'),
      privileged || text('IpcMode') === 'host' || text('PidMode') === 'host',
    ),
    ...filled('StorageOpt'),
    ...filled('Tmpfs'),
    UTSMode: text('UTSMode'),
    UsernsMode: text('UsernsMode'),
    ShmSize: number('ShmSize') || settings.defaultShmSize,
    ...filled('Sysctls'),
    Runtime: text('Runtime') || defaults.runtime,
    Isolation: text('Isolation'),
    CpuShares: number('CpuShares'),
    Memory: memory,
    NanoCpus: number('NanoCpus'),
    CgroupParent: text('CgroupParent'),
    BlkioWeight: number('BlkioWeight'),
    BlkioWeightDevice: list<object>('BlkioWeightDevice')?.map(weightDevice) ?? null,
    BlkioDeviceReadBps: list<object>('BlkioDeviceReadBps')?.map(throttleDevice) ?? null,
    BlkioDeviceWriteBps: list<object>('BlkioDeviceWriteBps')?.map(throttleDevice) ?? null,
    BlkioDeviceReadIOps: list<object>('BlkioDeviceReadIOps')?.map(throttleDevice) ?? null,
    BlkioDeviceWriteIOps: list<object>('BlkioDeviceWriteIOps')?.map(throttleDevice) ?? null,
    CpuPeriod: number('CpuPeriod'),
    CpuQuota: number('CpuQuota'),
    CpuRealtimePeriod: number('CpuRealtimePeriod'),
    CpuRealtimeRuntime: number('CpuRealtimeRuntime'),
    CpusetCpus: text('CpusetCpus'),
    CpusetMems: text('CpusetMems'),
    Devices: list<Record<string, string>>('Devices')?.map(device) ?? null,
    DeviceCgroupRules: list('DeviceCgroupRules'),
    DeviceRequests: list<Record<string, unknown>>('DeviceRequests')?.map(deviceRequest) ?? null,
    // Kernel memory limits are gone from the API since 1.42; what older clients send is discarded, as dockerd does.
    MemoryReservation: number('MemoryReservation'),
    MemorySwap: memory > 0 && memorySwap === 0 ? memory * 2 : memorySwap,
    MemorySwappiness: typeof swappiness === 'number' && swappiness !== -1 ? swappiness : null,
    OomKillDisable: flag('OomKillDisable'),
    PidsLimit: typeof pids === 'number' && pids > 0 ? pids : null,
    Ulimits: list<object>('Ulimits')?.map(ulimit) ?? null,
    CpuCount: number('CpuCount'),
    CpuPercent: 0,
    IOMaximumIOps: number('IOMaximumIOps'),
    IOMaximumBandwidth: number('IOMaximumBandwidth'),
    ...(list('Mounts')?.length ? { Mounts: list<MountSpec>('Mounts')!.map(mountSpec) } : {}),
    MaskedPaths: list('MaskedPaths') ?? (privileged || unconfinedPaths(body) ? null : maskedPaths()),
    ReadonlyPaths: list('ReadonlyPaths') ?? (privileged || unconfinedPaths(body) ? null : READONLY_PATHS),
    ...(typeof body['Init'] === 'boolean' && { Init: body['Init'] as boolean }),
  };
}

function cgroupnsDefault(
  privileged: boolean,
  { settings, cgroupVersion, hostCgroupnsOnV1 }: HostDefaults,
): string {
  if (cgroupVersion === 1 && (privileged || hostCgroupnsOnV1)) return 'host';
  return settings.defaultCgroupnsMode || (cgroupVersion === 2 ? 'private' : 'host');
}

/** The daemon's options are those of its own driver, but for those of the local copy. */
function daemonLogOptions(type: string, { logDriver, logOpts }: Settings): Record<string, string> {
  if (type === logDriver) return logOpts;
  return Object.fromEntries(Object.entries(logOpts).filter(([name]) => isCacheOption(name)));
}

function portBindings(given: PortMap | undefined): PortMap | null {
  if (!given) return null;
  return Object.fromEntries(
    Object.entries(given).map(([port, bindings]) => [
      port,
      bindings?.map((binding) => ({ HostIp: binding.HostIp ?? '', HostPort: binding.HostPort ?? '' })) ??
        null,
    ]),
  );
}

/** A container that is privileged or shares the host's processes or memory is not confined by labels. */
function securityOptions(given: string[] | null, unconfined: boolean): string[] | null {
  if (!unconfined) return given;
  return given?.some((option) => option.startsWith('label')) ? given : [...(given ?? []), 'label=disable'];
}

const unconfinedPaths = (body: Body) =>
  ((body['SecurityOpt'] as string[] | undefined) ?? []).includes('systempaths=unconfined');
