import { readFileSync } from 'node:fs';
import type { RequestOf } from '@berth/api-spec';
import { CliError, messageOf } from '../base/errors.ts';
import type { FlagValues } from '../base/flags.ts';
import type { containerFlags } from './container-flags.ts';
import { cut } from './csv.ts';
import { isCdiName, parseDevice } from './devices.ts';
import { keyValues, toMap } from './environment.ts';
import { parseRestartPolicy } from './limits.ts';
import { parseVolume } from './mounts.ts';
import { type EndpointSettings, endpoints, isMac } from './networks.ts';
import { parsePorts } from './ports.ts';

type CreateRequest = RequestOf<'ContainerCreate'>;
export type HostConfig = NonNullable<CreateRequest['HostConfig']>;
export type ContainerFlagValues = FlagValues<typeof containerFlags>;

/** The body of a create request, as far as the client sets it. */
export interface ContainerSettings {
  config: Omit<CreateRequest, 'HostConfig' | 'NetworkingConfig'> & {
    Image: string;
    Tty: boolean;
    OpenStdin: boolean;
    StdinOnce: boolean;
    AttachStdin: boolean;
    AttachStdout: boolean;
    AttachStderr: boolean;
  };
  hostConfig: HostConfig;
  endpoints: Record<string, EndpointSettings>;
}

/**
 * Turns the flags of `run` and `create` into the body of a create request. `proxies` are variables of the client's
 * configuration, before those of the user. Throws an error with Docker's reason.
 */
export function containerSettings(
  flags: ContainerFlagValues,
  given: ReadonlySet<string>,
  image: string,
  command: readonly string[],
  proxies: Record<string, string>,
): ContainerSettings {
  const mac = flags['mac-address'];
  if (mac && !isMac(mac)) throw new Error(`${mac} is not a valid mac address`);
  const streams = flags.attach;
  const everything = streams.length === 0;
  const attachStdin = streams.includes('stdin') || flags.interactive;
  const swappiness = flags['memory-swappiness'];
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100))
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);

  const binds: string[] = [];
  const volumes: Record<string, object> = {};
  for (const spec of new Set(flags.volume)) {
    const { bind, anonymous } = parseVolume(spec);
    if (bind) binds.push(bind);
    else volumes[anonymous!] = {};
  }
  const { exposed, bindings } = parsePorts(flags.publish, flags.expose);
  const devices = flags.device.filter((name) => !isCdiName(name)).map(parseDevice);
  const cdi = flags.device.filter(isCdiName);
  const env = keyValues(
    flags['env-file'],
    [...Object.entries(proxies).map(([name, value]) => `${name}=${value}`), ...flags.env],
    true,
  );
  const labels = toMap(keyValues(flags['label-file'], flags.label, false));
  namespaces(flags);
  const restart = parseRestartPolicy(flags.restart);
  if (flags['log-driver'] === 'none' && flags['log-opt'].length)
    throw new Error('invalid logging opts for driver none');
  const security = securityOptions(flags['security-opt']);
  const storage: Record<string, string> = {};
  for (const option of flags['storage-opt']) {
    const [name, value] = cut(option, '=');
    if (value === undefined) throw new Error('invalid storage option');
    storage[name] = value;
  }
  if (flags.rm && restart.Name !== '' && restart.Name !== 'no')
    throw new Error('Conflicting options: --restart and --rm');

  const networks = flags.network;
  return {
    config: {
      Hostname: flags.hostname,
      Domainname: flags.domainname,
      User: flags.user,
      AttachStdin: attachStdin,
      AttachStdout: everything || streams.includes('stdout'),
      AttachStderr: everything || streams.includes('stderr'),
      ExposedPorts: exposed,
      Tty: flags.tty,
      OpenStdin: flags.interactive,
      StdinOnce: flags.interactive && attachStdin,
      Env: env,
      Cmd: command.length ? command : null,
      ...optional('Healthcheck', healthCheck(flags)),
      Image: image,
      Volumes: volumes,
      WorkingDir: flags.workdir,
      Entrypoint: given.has('entrypoint') ? [flags.entrypoint] : null,
      ...optional('MacAddress', mac || undefined),
      Labels: labels,
      ...optional('StopSignal', flags['stop-signal'] || undefined),
      ...optional('StopTimeout', given.has('stop-timeout') ? flags['stop-timeout'] : undefined),
    },
    hostConfig: {
      Binds: binds.length ? binds : null,
      ContainerIDFile: flags.cidfile,
      LogConfig: { Type: flags['log-driver'], Config: toMap(flags['log-opt']) },
      NetworkMode: networks[0]?.target ?? 'default',
      PortBindings: bindings,
      RestartPolicy: restart,
      AutoRemove: flags.rm,
      VolumeDriver: flags['volume-driver'],
      VolumesFrom: orNull(flags['volumes-from']),
      CapAdd: orNull(flags['cap-add']),
      CapDrop: orNull(flags['cap-drop']),
      CgroupnsMode: flags.cgroupns,
      Dns: flags.dns,
      DnsOptions: flags['dns-option'],
      DnsSearch: flags['dns-search'],
      ExtraHosts: orNull(flags['add-host']),
      GroupAdd: orNull(flags['group-add']),
      IpcMode: flags.ipc,
      Links: orNull(flags.link),
      OomScoreAdj: flags['oom-score-adj'],
      PidMode: flags.pid,
      Privileged: flags.privileged,
      PublishAllPorts: flags['publish-all'],
      ReadonlyRootfs: flags['read-only'],
      SecurityOpt: orNull(security.options),
      ...(Object.keys(storage).length ? { StorageOpt: storage } : {}),
      ...optional('Tmpfs', flags.tmpfs.length ? splitTmpfs(flags.tmpfs) : undefined),
      UTSMode: flags.uts,
      UsernsMode: flags.userns,
      ShmSize: flags['shm-size'],
      ...optional('Sysctls', Object.keys(flags.sysctl).length ? flags.sysctl : undefined),
      ...optional('Runtime', flags.runtime || undefined),
      Isolation: flags.isolation,
      ...optional('Mounts', flags.mount.length ? flags.mount : undefined),
      ...(security.unmasked
        ? { MaskedPaths: [], ReadonlyPaths: [] }
        : { MaskedPaths: null, ReadonlyPaths: null }),
      ...optional('Init', given.has('init') ? flags.init : undefined),
      ...optional('Annotations', Object.keys(flags.annotation).length ? flags.annotation : undefined),
      ...optional(
        'Secrets',
        flags.secret.length
          ? flags.secret.map(({ reference, file }) => ({ SecretName: reference, File: file }))
          : undefined,
      ),
      ...optional(
        'Configs',
        flags.config.length
          ? flags.config.map(({ reference, file }) => ({ ConfigName: reference, File: file }))
          : undefined,
      ),
      ...resources(flags, devices, cdi),
    },
    endpoints: endpoints(networks, {
      aliases: flags['network-alias'],
      links: flags.link,
      ip: flags.ip,
      ip6: flags.ip6,
      linkLocalIps: flags['link-local-ip'],
      mac,
    }),
  };
}

const optional = <const Name extends string, T>(name: Name, value: T | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [name in Name]?: T };
const orNull = <T>(values: readonly T[]): readonly T[] | null => (values.length ? values : null);

function splitTmpfs(specs: readonly string[]): Record<string, string> {
  const mounts: Record<string, string> = {};
  for (const spec of specs) {
    const [path, options] = cut(spec, ':');
    mounts[path] = options ?? '';
  }
  return mounts;
}

function namespaces(flags: ContainerFlagValues): void {
  const ofContainer = (mode: string): boolean => mode.startsWith('container:') && mode.length > 10;
  if (!(['', 'host'].includes(flags.pid) || ofContainer(flags.pid)))
    throw new Error('--pid: invalid PID mode');
  if (!['', 'host'].includes(flags.uts)) throw new Error('--uts: invalid UTS mode');
  if (!['', 'host'].includes(flags.userns)) throw new Error('--userns: invalid USER mode');
  if (!['', 'host', 'private'].includes(flags.cgroupns)) throw new Error('--cgroupns: invalid CGROUP mode');
}

function healthCheck(flags: ContainerFlagValues): CreateRequest['Healthcheck'] {
  const times = [
    'health-interval',
    'health-timeout',
    'health-retries',
    'health-start-period',
    'health-start-interval',
  ] as const;
  const tests = [
    ...(flags['health-cmd'] ? [['CMD-SHELL', flags['health-cmd']]] : []),
    ...(flags['health-http'] ? [['HTTP', flags['health-http']]] : []),
    ...(flags['health-tcp'] ? [['TCP', flags['health-tcp']]] : []),
    ...(flags['health-unix'] ? [['UNIX', flags['health-unix']]] : []),
  ];
  const any = tests.length > 0 || flags['on-unhealthy'] !== '' || times.some((name) => flags[name] !== 0);
  if (flags['no-healthcheck']) {
    if (any) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!any) return undefined;
  if (tests.length > 1)
    throw new Error('a container has one health check: --health-cmd, -http, -tcp or -unix');
  for (const name of times) if (flags[name] < 0) throw new Error(`--${name} cannot be negative`);
  return {
    ...optional('Test', tests[0]),
    ...optional('OnUnhealthy', flags['on-unhealthy'] || undefined),
    ...optional('Interval', flags['health-interval'] || undefined),
    ...optional('Timeout', flags['health-timeout'] || undefined),
    ...optional('StartPeriod', flags['health-start-period'] || undefined),
    ...optional('StartInterval', flags['health-start-interval'] || undefined),
    ...optional('Retries', flags['health-retries'] || undefined),
  };
}

function securityOptions(given: readonly string[]): { options: string[]; unmasked: boolean } {
  const options: string[] = [];
  let unmasked = false;
  for (const option of given) {
    if (option === 'systempaths=unconfined') {
      unmasked = true;
      continue;
    }
    let [name, value] = cut(option, '=');
    if (value === undefined && name !== 'no-new-privileges') [name, value] = cut(option, ':');
    if (!value && name !== 'no-new-privileges')
      throw new Error(`Invalid --security-opt: ${JSON.stringify(option)}`);
    if (name === 'seccomp' && value !== 'unconfined' && value !== 'builtin') {
      let text: string;
      try {
        text = readFileSync(value!, 'utf8');
      } catch (error) {
        const why =
          (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : messageOf(error);
        throw new Error(`opening seccomp profile (${value}) failed: open ${value}: ${why}`);
      }
      try {
        options.push(`seccomp=${JSON.stringify(JSON.parse(text))}`);
      } catch (error) {
        throw new Error(`compacting json for seccomp profile (${value}) failed: ${messageOf(error)}`);
      }
    } else options.push(option);
  }
  return { options, unmasked };
}

function resources(flags: ContainerFlagValues, devices: object[], cdi: string[]): HostConfig {
  const requests = [...flags.gpus, ...(cdi.length ? [{ Driver: 'cdi', DeviceIDs: cdi }] : [])];
  for (const name of ['cpu-count', 'cpu-percent', 'io-maxbandwidth', 'io-maxiops'] as const)
    if (flags[name]) throw new CliError(`--${name} is an option of Windows containers only`, 125);
  return {
    CpuShares: flags['cpu-shares'],
    Memory: flags.memory,
    NanoCpus: flags.cpus,
    CgroupParent: flags['cgroup-parent'],
    BlkioWeight: flags['blkio-weight'],
    BlkioWeightDevice: flags['blkio-weight-device'],
    BlkioDeviceReadBps: flags['device-read-bps'],
    BlkioDeviceWriteBps: flags['device-write-bps'],
    BlkioDeviceReadIOps: flags['device-read-iops'],
    BlkioDeviceWriteIOps: flags['device-write-iops'],
    CpuPeriod: flags['cpu-period'],
    CpuQuota: flags['cpu-quota'],
    CpuRealtimePeriod: flags['cpu-rt-period'],
    CpuRealtimeRuntime: flags['cpu-rt-runtime'],
    CpusetCpus: flags['cpuset-cpus'],
    CpusetMems: flags['cpuset-mems'],
    Devices: devices,
    DeviceCgroupRules: orNull(flags['device-cgroup-rule']),
    DeviceRequests: orNull(requests),
    ...optional('KernelMemory', flags['kernel-memory'] || undefined),
    MemoryReservation: flags['memory-reservation'],
    MemorySwap: flags['memory-swap'],
    MemorySwappiness: flags['memory-swappiness'],
    OomKillDisable: flags['oom-kill-disable'],
    PidsLimit: flags['pids-limit'],
    Ulimits: flags.ulimit,
  };
}
