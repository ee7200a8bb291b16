import { bool, custom, int, list, map, parseInteger, string, uint16 } from '../base/flags.ts';
import {
  checkDeviceRule,
  type DeviceRequest,
  parseByteRate,
  parseDeviceWeight,
  parseGpus,
  parseOperationRate,
} from './devices.ts';
import { checkEnv, checkLabel } from './environment.ts';
import { checkDnsSearch, checkExtraHost, checkIp, checkLink, checkStream, checkSysctl } from './hosts.ts';
import { parseUlimit, type Ulimit } from './limits.ts';
import { type Mount, parseMount } from './mounts.ts';
import { type NetworkAttachment, parseNetwork } from './networks.ts';
import { type KeptFile, parseKeptFile } from './secrets.ts';
import { parseBytes, parseCpus, parseDuration } from './units.ts';

/** A flag whose value is a size (`512m`), in bytes. */
export const bytes = (short: string, help: string) =>
  custom('bytes', short, help, 0, (raw) => parseBytes(raw));
/** Bytes, or -1 for no limit. */
export const swapBytes = (short: string, help: string) =>
  custom('bytes', short, help, 0, (raw) => (raw === '-1' ? -1 : parseBytes(raw)));
/** A flag whose value is a duration in Go's notation (`1m30s`), in nanoseconds. */
export const duration = (short: string, help: string) =>
  custom('duration', short, help, 0, (raw) => parseDuration(raw), '0s');
const decimal = (short: string, help: string) => custom('decimal', short, help, 0, (raw) => parseCpus(raw));
/** A flag given many times, each value parsed to something of its own. */
export const many = <T>(type: string, help: string, parse: (raw: string) => T, shown = '') =>
  custom<T[]>(type, '', help, [], (raw, before, given) => [...(given ? before : []), parse(raw)], shown);
/** `--ulimit NAME=SOFT[:HARD]`, given many times; the last of a name counts. */
export const ulimits = (help: string) =>
  custom<Ulimit[]>(
    'ulimit',
    '',
    help,
    [],
    (raw, before, given) => {
      const limit = parseUlimit(raw);
      return [...(given ? before : []).filter(({ Name }) => Name !== limit.Name), limit];
    },
    '[]',
  );

/** The limits of a container, which `update` changes, too. */
export const limitFlags = {
  'blkio-weight': uint16('', 'Relative weight of block IO, 10 to 1000, or 0 for none'),
  'cpu-period': int('', 'Period of the CPU quota in microseconds'),
  'cpu-quota': int('', 'CPU time per period in microseconds'),
  'cpu-rt-period': int('', 'Period of real-time CPU in microseconds'),
  'cpu-rt-runtime': int('', 'Real-time CPU per period in microseconds'),
  'cpu-shares': int('c', 'Relative weight of CPU'),
  cpus: decimal('', 'Number of CPUs, such as 1.5'),
  'cpuset-cpus': string('', 'CPUs to run on (0-3, 0,1)'),
  'cpuset-mems': string('', 'Memory nodes to use (0-3, 0,1)'),
  memory: bytes('m', 'Limit of memory'),
  'memory-reservation': bytes('', 'Soft limit of memory'),
  'memory-swap': swapBytes('', "Limit of memory and swap together: '-1' for unlimited swap"),
  'pids-limit': int('', 'Limit of processes and threads (-1 for none)'),
};

/** The flags that describe a container, common to `run` and `create`. */
export const containerFlags = {
  ...limitFlags,
  'add-host': list('', 'One more host for /etc/hosts (host:ip)', checkExtraHost),
  annotation: map('', 'Annotation handed to the runtime', { shown: 'map[]' }),
  attach: list('a', 'Attach to STDIN, STDOUT or STDERR', checkStream),
  'blkio-weight-device': many('list', 'Relative weight of block IO on a device', parseDeviceWeight, '[]'),
  'cap-add': list('', 'Add a capability'),
  'cap-drop': list('', 'Drop a capability'),
  'cgroup-parent': string('', 'Parent control group'),
  cgroupns: string('', "Control group namespace: 'host' or 'private'"),
  cidfile: string('', "Write the container's ID to this file"),
  config: many<KeptFile>('config', 'Config as a file (NAME[,target=PATH,uid=N,gid=N,mode=N])', parseKeptFile),
  'cpu-count': { ...int('', 'Number of CPUs (Windows only)'), hidden: true },
  'cpu-percent': { ...int('', 'Percent of CPU (Windows only)'), hidden: true },
  device: list('', 'Give the container a device of the host'),
  'device-cgroup-rule': list('', 'Rule for devices the container may use', checkDeviceRule),
  'device-read-bps': many('list', 'Limit of bytes read per second from a device', parseByteRate, '[]'),
  'device-read-iops': many('list', 'Limit of reads per second from a device', parseOperationRate, '[]'),
  'device-write-bps': many('list', 'Limit of bytes written per second to a device', parseByteRate, '[]'),
  'device-write-iops': many('list', 'Limit of writes per second to a device', parseOperationRate, '[]'),
  'disable-content-trust': bool('', 'Skip verification of image signatures; there is none', {
    initial: true,
  }),
  dns: list('', 'Name server', checkIp),
  'dns-option': list('', 'Option of the resolver'),
  'dns-search': list('', 'Search domain of the resolver', checkDnsSearch),
  domainname: string('', 'NIS domain name'),
  entrypoint: string('', "Replace the image's entrypoint"),
  env: list('e', 'Set an environment variable', checkEnv),
  'env-file': list('', 'Read environment variables from a file'),
  expose: list('', 'Expose a port or a range of ports'),
  gpus: many<DeviceRequest>('gpu-request', "GPUs to give to the container ('all' for all)", parseGpus),
  'group-add': list('', 'One more group of the process'),
  'health-cmd': string('', 'Command that checks health'),
  'health-http': string('', 'URL that checks health, from inside: http://[address]:port/path'),
  'health-tcp': string('', 'Address that checks health, from inside: [address:]port'),
  'health-unix': string('', 'Socket inside that checks health'),
  'health-interval': duration('', 'Time between two checks (ms|s|m|h)'),
  'health-retries': int('', 'Failures in a row until unhealthy'),
  'health-start-interval': duration('', 'Time between two checks while starting (ms|s|m|h)'),
  'health-start-period': duration('', 'Time to start in which failures do not count (ms|s|m|h)'),
  'health-timeout': duration('', 'Longest time for one check (ms|s|m|h)'),
  help: bool('', 'Show this help'),
  hostname: string('h', 'Host name'),
  init: bool('', 'Run an init that forwards signals and reaps processes'),
  interactive: bool('i', 'Keep STDIN open even if not attached'),
  'io-maxbandwidth': { ...bytes('', 'Limit of IO bandwidth (Windows only)'), hidden: true },
  'io-maxiops': {
    ...custom('uint', '', 'Limit of IO operations (Windows only)', 0, (raw) =>
      parseInteger(raw, 'ParseUint'),
    ),
    hidden: true,
  },
  ip: string('', 'IPv4 address'),
  ip6: string('', 'IPv6 address'),
  ipc: string('', 'IPC namespace'),
  isolation: string('', 'Isolation technology'),
  'kernel-memory': bytes('', 'Limit of kernel memory'),
  label: list('l', 'Set a label', checkLabel),
  'label-file': list('', 'Read labels from a file'),
  link: list('', 'Link to another container', checkLink),
  'link-local-ip': list('', 'Link-local address', checkIp),
  'log-driver': string('', 'Where the output goes'),
  'log-opt': list('', 'Option of the log driver'),
  'mac-address': string('', 'MAC address'),
  'memory-swappiness': int('', 'Tendency to swap (0 to 100)', { initial: -1 }),
  mount: many<Mount>('mount', 'Attach a mount: type=bind|volume|tmpfs,source=...,target=...', parseMount),
  name: string('', 'Name of the container'),
  network: many<NetworkAttachment>('network', 'Connect to a network', parseNetwork),
  'network-alias': list('', 'Further name on the network'),
  'on-unhealthy': string('', 'What to do when it is unhealthy (none|restart|stop)'),
  'no-healthcheck': bool('', "Switch the image's health check off"),
  'oom-kill-disable': bool('', 'Switch the OOM killer off'),
  'oom-score-adj': int('', "Adjust the kernel's OOM preference (-1000 to 1000)"),
  pid: string('', 'PID namespace'),
  platform: string('', 'Platform of the image', { initial: process.env['DOCKER_DEFAULT_PLATFORM'] ?? '' }),
  privileged: bool('', 'Give the container extended privileges'),
  publish: list('p', 'Publish a port: [[address:]host port:]container port[/protocol]'),
  'publish-all': bool('P', 'Publish all exposed ports to random ports'),
  pull: string('', 'Pull the image first ("always", "missing", "never")', { initial: 'missing' }),
  quiet: bool('q', 'Do not show how the pull goes on'),
  'read-only': bool('', 'Mount the root filesystem read-only'),
  restart: string('', 'What to do when the container exits', { initial: 'no' }),
  rm: bool('', 'Remove the container when it exits'),
  runtime: string('', 'Runtime to use'),
  secret: many<KeptFile>('secret', 'Secret as a file (NAME[,target=PATH,uid=N,gid=N,mode=N])', parseKeptFile),
  'security-opt': list('', 'Security option'),
  'shm-size': bytes('', 'Size of /dev/shm'),
  'stop-signal': string('', 'Signal that stops the container'),
  'stop-timeout': int('', 'Seconds to wait for the container to stop'),
  'storage-opt': list('', "Option of the container's storage"),
  sysctl: custom<Record<string, string>>(
    'map',
    '',
    'Set a kernel parameter of the container',
    {},
    (raw, before, given) => ({ ...(given ? before : {}), ...checkSysctl(raw) }),
    'map[]',
  ),
  tmpfs: list('', 'Mount a tmpfs folder'),
  tty: bool('t', 'Give the process a terminal'),
  ulimit: ulimits('Limit of a resource: name=soft[:hard]'),
  user: string('u', 'User of the process: name or UID, with :group or :GID'),
  userns: string('', 'User namespace'),
  uts: string('', 'UTS namespace'),
  volume: list('v', 'Bind mount a folder or a volume: source:target[:options]'),
  'volume-driver': string('', 'Driver of new volumes'),
  'volumes-from': list('', 'Mount the volumes of another container'),
  workdir: string('w', 'Working folder'),
};

/** Other spellings that Docker still takes. */
export const renamedContainerFlags = {
  net: 'network',
  'net-alias': 'network-alias',
  'dns-opt': 'dns-option',
} as const;
